"""Splits a cell into genres, and finds out which names that contain a slash are one genre.

The characters `,` `;` `|`, line breaks and null characters always separate genres, and each element of a list
is a genre. A slash also separates genres, unless the whole table or the option --genres shows that the name
with the slash is one genre.
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
from common.regular_files import read_regular_file

#: The maximum number of genres of one album.
GENRES_MAX = 20
#: `A/B` can be one genre only if A and B are counted less often elsewhere than this share of the count of
#: `A/B`.
ELSEWHERE_SHARE = 0.1
#: The maximum number of parts, separated by slashes, in a genre's name that is derived from the table.
#: The number is limited, because the time to split a cell grows with the parts of the longest known name.
_JOINED_MAX = 6
#: The maximum number of characters in a text that is parsed as a list.
_LIST_MAX_CHARS = 10_000

_SEPARATORS = re.compile(r"([,;|/\n\r\0])")
_HARD_SEPARATORS = re.compile(r"[,;|\n\r\0]")
#: Names that contain a slash but mean a missing value, not two genres.
_NOTHING = ("N/A", "#N/A")
_FILE_NAME = re.compile(r"[^,;|]+\.\w{2,4}")


class GenreSplitter:
    """Splits cells into genres; each name in `joined` is one genre although it contains separators."""

    def __init__(self, joined: Iterable[str] = ()) -> None:
        self._joined = frozenset(_joined_key(_SEPARATORS.split(name)) for name in (*joined, *_NOTHING))
        self._longest = max((len(_SEPARATORS.split(key)) for key in self._joined), default=1)

    def read(self, cell: object) -> tuple[object, ...]:
        """Return the distinct genres of a cell in their first spellings; non-text values stay unchanged."""
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
        """Yield the genres in a text; where several names in `joined` match, the longest name is used."""
        tokens = _SEPARATORS.split(text)
        start = 0
        while start < len(tokens):
            ends = range(min(start + self._longest, len(tokens)), start + 1, -2)
            end = next((end for end in ends if _joined_key(tokens[start:end]) in self._joined), start + 1)
            yield "/".join(part.strip() for part in "".join(tokens[start:end]).split("/"))
            start = end + 1


def genre_splitter(cells: Iterable[object], *, listed: Iterable[str] = ()) -> GenreSplitter:
    """Return a splitter that decides from all genre cells whether a name such as Pop/R&B is one genre or two.

    A name is one genre if it is in `listed` or is an element of a list. Any other name is one genre if two
    conditions hold. None of its parts is in `listed`. Its parts together occur elsewhere, alone or in other
    names, less than a tenth as often as the name itself. The order of the table's rows does not matter.
    """
    return genre_splitter_of_counts(((cell, 1) for cell in cells), listed=listed)


def genre_splitter_of_counts(
    cells: Iterable[tuple[object, int]], *, listed: Iterable[str] = ()
) -> GenreSplitter:
    """Return the splitter of `genre_splitter` from different cells, each with the number of its rows."""
    own = tuple(listed)
    counts = _GenreCounts(own)
    for cell, times in cells:
        elements = _elements(cell)
        if elements is not None:
            for element in elements:
                counts.count_whole(_text(element), times)
        elif isinstance(cell, str):
            for text in _HARD_SEPARATORS.split(_text(cell)):
                counts.count(text, times)
    return GenreSplitter((*own, *counts.joined()))


def parse_genre_list(given: str) -> tuple[str, ...]:
    """Return the genres that --genres gives in a file, one per line, or in a comma-separated or JSON list.

    Raises:
        SettingsError: the file cannot be read.
    """
    if _is_file(given):
        try:
            names = read_regular_file(Path(given)).decode("utf-8-sig").splitlines()
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
        # The text is not a path: a list of genres may be longer than the maximum length of a path.
        return False


class _GenreCounts:
    """Counts, over all cells, how often names occur and how often they are joined by slashes."""

    def __init__(self, listed: Iterable[str]) -> None:
        self._listed = frozenset(map(genre_key, listed))
        #: Maps each name's key to the number of texts that contain the name, alone or next to a slash.
        self._occurrences: Counter[str] = Counter()
        #: Maps each ordered tuple of name keys to the number of texts in which the names appear in that
        #: order, separated by slashes.
        self._joined: Counter[tuple[str, ...]] = Counter()
        #: The texts with two or more names separated by slashes, each as the tuple of its names' keys.
        self._texts: set[tuple[str, ...]] = set()
        self._whole: set[str] = set()

    def count(self, text: str, times: int) -> None:
        """Count a text that contains no separators other than slashes."""
        if is_empty_word(text):
            return
        keys = tuple(key for key in map(genre_key, text.split("/")) if key)
        self._occurrences.update(dict.fromkeys(keys, times))
        if 1 < len(keys) <= _JOINED_MAX:
            self._texts.add(keys)
        self._joined.update(dict.fromkeys(_runs(keys[:GENRES_MAX]), times))

    def count_whole(self, name: str, times: int) -> None:
        """Count an element of a list, which is one genre even if it contains separators."""
        self._occurrences[genre_key(name)] += times
        if "/" in name and len(_SEPARATORS.split(name)) < 2 * _JOINED_MAX:
            self._whole.add(name)

    def joined(self) -> Iterator[str]:
        """Yield the names with a slash that are one genre."""
        yield from self._whole
        for keys in self._texts:
            together = self._joined[keys]
            elsewhere = sum(self._occurrences[key] - together for key in set(keys))
            if self._listed.isdisjoint(keys) and elsewhere < ELSEWHERE_SHARE * together:
                yield "/".join(keys)


def _runs(keys: tuple[str, ...]) -> set[tuple[str, ...]]:
    """Return every sequence of two or more consecutive keys."""
    lengths = range(2, min(len(keys), _JOINED_MAX) + 1)
    return {keys[start : start + length] for length in lengths for start in range(len(keys) - length + 1)}


def _joined_key(tokens: Iterable[str]) -> str:
    return "".join(map(genre_key, tokens))


def _text(value: object) -> str:
    """Return a text with its HTML entities decoded, because their semicolons would separate genres."""
    return str(decode_entities(value))


def _elements(cell: object) -> list[object] | None:
    """Return the elements of a list or of a list written as text, or None if the cell is not a list."""
    if isinstance(cell, str):
        cell = _list_in(cell.strip())
    if not isinstance(cell, list | tuple):
        return None
    return [each for each in cell if not (each is None or (isinstance(each, float) and math.isnan(each)))]


def _list_in(text: str) -> object:
    """Return the list in a text of JSON or Python syntax, or None if the text is not a list."""
    if not (text.startswith("[") and text.endswith("]")) or len(text) > _LIST_MAX_CHARS:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        found = ast.literal_eval(text)
        # An integer of more than 4300 digits, which may be written in hexadecimal, has no decimal text.
        str(found)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return found
