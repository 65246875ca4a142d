"""The genres in one cell of a table: what separates them, and which slashes belong to a name.

`,` `;` `|`, a line break and the character zero always separate, and so does a list. A slash separates too,
unless the table as a whole, or the operator, has what it joins as one genre.
"""

import ast
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from catalog.ingest.columns.cell_values import decode_entities, is_empty_word
from common.errors import SettingsError
from common.genres import genre_key

#: Of one album.
GENRES_MAX = 20
#: Names of one genre are joined where they stand elsewhere less than this often for each time that they are.
ELSEWHERE_SHARE = 0.1
#: More names than any one genre joins.
_JOINED_MAX = 6
#: A list that is written as text is not longer.
_LIST_MAX_CHARS = 10_000

_SEPARATORS = re.compile(r"([,;|/\n\r\0])")
_HARD_SEPARATORS = re.compile(r"[,;|\n\r\0]")
#: Means that there is no genre, and not two.
_NOTHING = ("N/A", "#N/A")
_FILE_NAME = re.compile(r"[^,;|]+\.\w{2,4}")


class GenreSplitter:
    """Reads cells; `joined` are the names that are one genre although they hold separators."""

    def __init__(self, joined: Iterable[str] = ()) -> None:
        self._joined = frozenset(_joined_key(_SEPARATORS.split(name)) for name in (*joined, *_NOTHING))
        self._longest = max((len(_SEPARATORS.split(key)) for key in self._joined), default=1)

    def read(self, cell: object) -> tuple[object, ...]:
        """Return the genres of a cell, each once, by its first spelling; what is no text stays as it is."""
        elements = _elements(cell)
        if elements is None:
            elements = [*self._split(_text(cell))] if isinstance(cell, str) else [cell]
        found: dict[str, object] = {}
        for element in elements:
            name = " ".join(_text(element).split()) if isinstance(element, str) else element
            key = genre_key(str(name))
            if key and not is_empty_word(name):
                found.setdefault(key, name)
        return tuple(found.values())

    def _split(self, text: str) -> Iterator[str]:
        """Yield the names in a text; where some are joined to one genre, as many as possible."""
        tokens = _SEPARATORS.split(text)
        start = 0
        while start < len(tokens):
            ends = range(min(start + self._longest, len(tokens)), start + 1, -2)
            end = next((end for end in ends if _joined_key(tokens[start:end]) in self._joined), start + 1)
            yield re.sub(r"\s*/\s*", "/", "".join(tokens[start:end]))
            start = end + 1


def genre_splitter(cells: Iterable[object], *, listed: Iterable[str] = ()) -> GenreSplitter:
    """Look through all cells of a table for the names with a slash that are one genre.

    One that is listed, or is an element of a list, is. Another is, if none of the names that it joins is
    listed, and they stand elsewhere, alone or otherwise joined, less than a tenth as often as so joined.
    The order of the rows has no part in it.
    """
    own = tuple(listed)
    census = _Census(own)
    for cell in cells:
        elements = _elements(cell)
        if elements is not None:
            for element in elements:
                census.count_whole(_text(element))
        elif isinstance(cell, str):
            for text in _HARD_SEPARATORS.split(_text(cell)):
                census.count(text)
    return GenreSplitter((*own, *census.joined()))


def parse_genre_list(given: str) -> tuple[str, ...]:
    """Return the genres of a file, one a line, or of a list with commas or in JSON.

    Raises:
        SettingsError: the file cannot be read.
    """
    if _is_file(given):
        try:
            names = Path(given).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, ValueError) as error:
            raise SettingsError(f"--genres {given}: {error}") from error
    elif _FILE_NAME.fullmatch(given):
        raise SettingsError(f"--genres {given}: there is no such file")
    else:
        names = [str(name) for name in _elements(given) or given.split(",")]
    return tuple(filter(None, (" ".join(name.split()) for name in names)))


def _is_file(given: str) -> bool:
    try:
        return Path(given).is_file()
    except OSError:
        # A list may be longer than a path.
        return False


class _Census:
    """How often names stand alone and how often they are joined by a slash, over all cells."""

    def __init__(self, listed: Iterable[str]) -> None:
        self._listed = frozenset(map(genre_key, listed))
        #: Texts in which a name stands, alone or joined, by its key.
        self._standing: Counter[str] = Counter()
        #: Texts in which names are joined one after another, by their keys.
        self._joined: Counter[tuple[str, ...]] = Counter()
        #: Texts that nothing but a slash separates.
        self._texts: set[tuple[str, ...]] = set()
        self._whole: set[str] = set()

    def count(self, text: str) -> None:
        """Count a text between two separators that are no slashes."""
        if is_empty_word(text):
            return
        keys = tuple(key for key in map(genre_key, text.split("/")) if key)
        self._standing.update(set(keys))
        if 1 < len(keys) <= _JOINED_MAX:
            self._texts.add(keys)
        self._joined.update(_runs(keys[:GENRES_MAX]))

    def count_whole(self, name: str) -> None:
        """Count an element of a list, which is one genre whatever it holds."""
        self._standing[genre_key(name)] += 1
        if "/" in name:
            self._whole.add(name)

    def joined(self) -> Iterator[str]:
        """Yield the names with a slash that are one genre."""
        yield from self._whole
        for keys in self._texts:
            together = self._joined[keys]
            elsewhere = sum(self._standing[key] - together for key in set(keys))
            if self._listed.isdisjoint(keys) and elsewhere < ELSEWHERE_SHARE * together:
                yield "/".join(keys)


def _runs(keys: tuple[str, ...]) -> set[tuple[str, ...]]:
    """Return every two or more keys that follow one another."""
    lengths = range(2, min(len(keys), _JOINED_MAX) + 1)
    return {keys[start : start + length] for length in lengths for start in range(len(keys) - length + 1)}


def _joined_key(tokens: Iterable[str]) -> str:
    return "".join(map(genre_key, tokens))


def _text(value: object) -> str:
    """Return a text without HTML's entities, whose semicolon would separate."""
    return str(decode_entities(value))


def _elements(cell: object) -> list[object] | None:
    """Return the elements of a list, also of one that is written as text; None where the cell is none."""
    if isinstance(cell, str):
        cell = _list_in(cell.strip())
    if not isinstance(cell, list | tuple):
        return None
    return [each for each in cell if not (each is None or (isinstance(each, float) and math.isnan(each)))]


def _list_in(text: str) -> object:
    """Return the list that a text is in JSON, or as Python and pandas write it."""
    if not (text.startswith("[") and text.endswith("]")) or len(text) > _LIST_MAX_CHARS:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
