"""`Prefer` is a list (RFC 7240), `?wait=` overrides the header, and answers name the applied preference."""

import pytest

from api.contract.requests.prefer import WaitPreference, decide_wait, read_preferences


@pytest.mark.parametrize(
    ("headers", "preferences"),
    [
        ([], {}),
        (["respond-async"], {"respond-async": ""}),
        (["respond-async, wait=5"], {"respond-async": "", "wait": "5"}),
        (["respond-async", "wait=5"], {"respond-async": "", "wait": "5"}),
        (["Respond-Async , WAIT = 5"], {"respond-async": "", "wait": "5"}),
        (['wait="5"'], {"wait": "5"}),
        (["wait=5; strict"], {"wait": "5"}),
        (["wait=5, wait=9"], {"wait": "5"}),
        (['note="a, b", wait=5'], {"note": "a, b", "wait": "5"}),
        (['note="a \\" b", wait=5'], {"note": 'a \\" b', "wait": "5"}),
        ([", ,wait=5,"], {"wait": "5"}),
        (['note="never closed, wait=5'], {"note": "never closed, wait=5"}),
    ],
)
def test_preferences_are_read_from_any_list(headers: list[str], preferences: dict[str, str]) -> None:
    assert read_preferences(headers) == preferences


@pytest.mark.parametrize(
    ("headers", "preference"),
    [
        ([], WaitPreference(15.0)),
        (["respond-async"], WaitPreference(0.0, at_once=True, applied="respond-async")),
        (["wait=5"], WaitPreference(5.0, applied="wait=5")),
        (["respond-async, wait=5"], WaitPreference(5.0, applied="respond-async, wait=5")),
        (["wait=0"], WaitPreference(0.0, applied="wait=0")),
        (["wait=900"], WaitPreference(60.0, applied="wait=60")),
        (["wait=-1"], WaitPreference(15.0)),
        (["wait=+1"], WaitPreference(15.0)),
        (["wait=1.5"], WaitPreference(15.0)),
        (["wait=\u0661"], WaitPreference(15.0)),
        # RFC 7240 allows leading zeros in the number of seconds.
        (["wait=05"], WaitPreference(5.0, applied="wait=5")),
        (["wait=soon, lenient"], WaitPreference(15.0)),
    ],
)
def test_the_header_sets_how_long_to_wait(headers: list[str], preference: WaitPreference) -> None:
    assert decide_wait(headers, parameter_s=None, default_s=15.0) == preference


def test_the_wait_parameter_overrides_the_header() -> None:
    preference = decide_wait(["respond-async, wait=5"], parameter_s=2.5, default_s=15.0)

    assert preference == WaitPreference(2.5)


def test_only_the_first_hundred_preferences_of_a_header_are_read() -> None:
    header = ", ".join(f"p{number}" for number in range(20_000))

    assert len(read_preferences([header])) == 100
