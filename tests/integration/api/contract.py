"""Rules of the HTTP API that no JSON schema can express, for tests with schemathesis."""

import re
from io import BytesIO
from typing import Any

import schemathesis
from hypothesis import strategies as st
from PIL import Image
from schemathesis import CheckContext, GenerationMode, HookContext, Response

from common.errors import InvalidParameter
from common.search_query import TEXT_MAX_CHARS, clean_text

#: Matches the known reasons for refusing a request that is valid against its schema.
RULES = re.compile(
    r"year_min \d+ is after year_max \d+"
    r"|the catalog has no genre .*"
    r"|a search has at most 8 filters by metadata"
    r"|at least one part needs a positive weight"
    r"|cursor is not the next_cursor of an answer to the same q"
    r"|the query is empty: describe a cover in a few words"
    r"|an image is base64 .*"
    r"|the file is (not|an?|compressed|base64|XML|JSON|text).*"
    r"|the file is empty.*",
    re.DOTALL,
)
REFUSED = frozenset({415, 422})


def cover(colour: str) -> bytes:
    """Return a PNG that a search accepts."""
    file = BytesIO()
    Image.new("RGB", (16, 16), colour).save(file, "PNG")
    return file.getvalue()


# Some bodies are real images, because random bytes would test only the gateway's first check.
schemathesis.openapi.format(
    "binary", st.one_of(st.sampled_from([cover("red"), cover("blue")]), st.binary(max_size=100))
)


@schemathesis.hook
def filter_case(_context: HookContext, case: "schemathesis.Case[Any]") -> bool:
    """Skip requests that the gateway accepts although they violate the schema.

    An empty genre or artist means no filter. A text may be too long before the gateway removes superfluous
    white space.
    """
    query = case.query or {}
    has_blank = any(_has_blank(query.get(name)) for name in ("genre", "artist"))
    return not has_blank and not _is_shortened(query.get("query"))


def _has_blank(value: object) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(isinstance(each, str) and not each.strip() for each in values)


def _is_shortened(text: object) -> bool:
    """Return whether a text is too long only with its superfluous white space."""
    if not isinstance(text, str) or len(text) <= TEXT_MAX_CHARS:
        return False
    try:
        clean_text(text)
    except InvalidParameter:
        return False
    return True


@schemathesis.check
def a_valid_request_is_refused_only_by_known_rules(
    _context: CheckContext, response: Response, case: "schemathesis.Case[Any]"
) -> None:
    """Check that a request that is valid against its schema is refused only for known reasons."""
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    if response.status_code in REFUSED:
        document = response.json()
        reasons = [error["detail"] for error in document.get("errors", [])] or [document["detail"]]
        unknown = [reason for reason in reasons if not RULES.fullmatch(reason)]
        assert unknown == [], unknown
