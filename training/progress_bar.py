"""Owns where progress is shown: on standard error, for standard output is for what was asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from rich.console import Console
from rich.progress import track

_Item = TypeVar("_Item")


def shown(items: Iterable[_Item], description: str, *, total: int | None = None) -> Iterable[_Item]:
    """Yield the items behind a progress bar; `total` is their number where they do not know it."""
    return track(items, description, total=total, console=Console(stderr=True))
