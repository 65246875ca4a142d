"""Reads the `Prefer` header (RFC 7240) and `?wait=`, which say how long a request waits for its result."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

#: The maximum number of seconds that a client can ask to wait.
WAIT_MAX_S = 60.0

# Commas separate the items of a header, except commas within quoted strings.
_ITEM = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+')
#: The maximum number of preferences that are read from a header; a server may ignore preferences.
_PREFERENCES_MAX = 100
_SECONDS = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class WaitPreference:
    """How long a request waits, and which preferences of the `Prefer` header were applied."""

    wait_s: float
    #: Whether the request is answered with 202 immediately.
    at_once: bool = False
    #: The value of the header `Preference-Applied`; empty if no preference was applied.
    applied: str = ""


def read_preferences(headers: Iterable[str]) -> dict[str, str]:
    """Map lower-case preference names to values; the first of several equal names counts (RFC 7240, 2)."""
    found: dict[str, str] = {}
    for header in headers:
        for item in islice(_ITEM.finditer(header), _PREFERENCES_MAX):
            # Parameters after a semicolon are dropped, because no supported preference has parameters.
            name, _, value = item[0].partition(";")[0].partition("=")
            if name.strip():
                found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def decide_wait(headers: Iterable[str], *, parameter_s: float | None, default_s: float) -> WaitPreference:
    """Return how long to wait, as given by `?wait=`, else by the `Prefer` header, else by the default.

    With `respond-async, wait=5`, the response is the result if it is ready within 5 s, else the job.
    """
    if parameter_s is not None:
        return WaitPreference(wait_s=parameter_s)
    preferences = read_preferences(headers)
    asynchronous = "respond-async" in preferences
    wait_s = None
    if _SECONDS.fullmatch(preferences.get("wait", "")):
        wait_s = min(float(preferences["wait"]), WAIT_MAX_S)
    applied = ["respond-async"] if asynchronous else []
    if wait_s is not None:
        applied.append(f"wait={wait_s:.0f}")
    if wait_s is None:
        wait_s = 0.0 if asynchronous else default_s
    return WaitPreference(wait_s, at_once=asynchronous and wait_s == 0, applied=", ".join(applied))
