"""Shows a progress bar on standard error, because standard output is reserved for results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from rich.console import Console
from rich.progress import track

_Item = TypeVar("_Item")


def with_progress_bar(
    items: Iterable[_Item], description: str, *, total: int | None = None
) -> Iterable[_Item]:
    """Yield the items and show a progress bar; `total` is needed for items without a length."""
    return track(items, description, total=total, console=Console(stderr=True))
