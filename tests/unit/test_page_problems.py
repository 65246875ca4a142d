"""The page has words for every error that a search by a person can get."""

import re

from tests.paths import ROOT

#: The codes of requests that the page does not send.
IMPOSSIBLE = {
    "idempotency_conflict",
    "method_not_allowed",
    "not_found",
    "not_implemented",
    "range_not_satisfiable",
}
#: The codes that the page gives to faults for which the service has no code, or a general one.
OWN = {
    "no_gateway",
    "nothing_wanted",
    "offline",
    "picture_empty",
    "picture_missing",
    "picture_unreadable",
    "years_reversed",
}


def test_every_error_code_has_words_on_the_page() -> None:
    table = (ROOT / "docs" / "http.md").read_text().split("| code | status | when |")[1]
    documented = set(re.findall(r"^\| `(\w+)` \| \d{3} \|", table, re.MULTILINE))
    texts = (ROOT / "web" / "src" / "problems" / "texts.ts").read_text()
    explained = set(re.findall(r"^  (\w+): \{$", texts, re.MULTILINE))

    assert len(documented) > 30
    assert explained == documented - IMPOSSIBLE | OWN
