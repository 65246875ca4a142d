"""The `Prefer` header (RFC 7240) and `?wait=`: how long a request waits for its answer."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

#: The longest wait that a client can request.
WAIT_MAX_S = 60.0

# Items of a list are separated by commas outside of quoted strings.
_ITEM = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+')
_SECONDS = re.compile(r"\d{1,9}")


@dataclass(frozen=True, slots=True)
class WaitPreference:
    """How long a request waits, and which preferences of the client were applied."""

    wait_s: float
    #: Answer 202 immediately.
    at_once: bool = False
    #: The value of `Preference-Applied`; empty if no preference was applied.
    applied: str = ""


def read_preferences(headers: Iterable[str]) -> dict[str, str]:
    """Return the preferences by name in lower case; the first of each name counts (RFC 7240, 2)."""
    found: dict[str, str] = {}
    for header in headers:
        for item in _ITEM.findall(header):
            # Parameters of a preference follow a semicolon; the supported preferences have none.
            name, _, value = item.partition(";")[0].partition("=")
            if name.strip():
                found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def decide_wait(headers: Iterable[str], *, parameter_s: float | None, default_s: float) -> WaitPreference:
    """Return how long to wait: `?wait=`, else the header, else the default.

    `respond-async, wait=5` returns the result if it is ready within 5 s, else a job.
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
