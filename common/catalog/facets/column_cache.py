"""Keeps the columns and the genre names of the catalog's latest version."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, cast

from common.catalog.facets.columns import FacetColumns, GenreNames

Read = TypeVar("Read", FacetColumns, GenreNames)

#: The maximum number of column sets that a `ColumnCache` keeps. Each filter that only the database can
#: apply, such as a colour, has a set of its own.
SELECTIONS_KEPT = 1000
#: The maximum number of albums in all these sets together; 150,000 albums take 5 MB.
ALBUMS_KEPT = 1_000_000
#: The number of values that a request needs: the columns of its albums and of all colours, and the names of
#: genres. They are kept whatever their size.
_VALUES_NEEDED = 3


@dataclass(slots=True)
class _Kept:
    """A value that was read from the catalog, and the version that was current before it was read."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    version: str | None = None
    value: FacetColumns | GenreNames | None = None

    def belongs_to(self, version: str | None) -> bool:
        """Return whether the value is surely from this version of the catalog."""
        read_from = None if self.value is None else self.value.version
        return version is not None and version in {self.version, read_from}

    @property
    def albums(self) -> int:
        """The number of albums in the kept columns."""
        return len(self.value) if isinstance(self.value, FacetColumns) else 0


class ColumnCache:
    """Keeps the values that were used last, up to a number of values and of albums; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: The values that were read, in the order of their last use.
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def get_or_read(self, name: str, read: Callable[[], Read], *, version: str | None) -> Read:
        """Return the kept value of this name if it belongs to the version, otherwise read it."""
        kept = self._kept_as(name)
        # The lock is held while the value is read, so that concurrent requests read it once. Each value has a
        # lock of its own, so that these requests do not delay requests for other values.
        with kept.lock:
            value = cast("Read | None", kept.value)
            if value is None or not kept.belongs_to(version):
                value = read()
                kept.version, kept.value = version, value
                self._forget_oldest()
            return value

    def has(self, name: str, *, version: str | None) -> bool:
        """Return whether a value of this name is kept that belongs to the version."""
        with self._lock:
            kept = self._kept.get(name)
        return kept is not None and kept.value is not None and kept.belongs_to(version)

    def _kept_as(self, name: str) -> _Kept:
        with self._lock:
            kept = self._kept.setdefault(name, _Kept())
            self._kept.move_to_end(name)
            # The number is limited before the value is read, because the catalog may not answer.
            while len(self._kept) > SELECTIONS_KEPT:
                self._kept.popitem(last=False)
            return kept

    def _forget_oldest(self) -> None:
        with self._lock:
            albums = sum(kept.albums for kept in self._kept.values())
            while len(self._kept) > _VALUES_NEEDED and albums > ALBUMS_KEPT:
                _, oldest = self._kept.popitem(last=False)
                albums -= oldest.albums
