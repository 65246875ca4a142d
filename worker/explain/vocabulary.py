"""The visual vocabulary: groups of words and phrases that describe covers, in `visual_vocabulary.json`."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from common.search_query import EXPLANATION_VERSION

_FILE = "visual_vocabulary.json"


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    named: int = Field(ge=1)
    words: tuple[str, ...] = Field(min_length=2)


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    forms: tuple[str, ...] = Field(min_length=1)
    groups: Mapping[str, _Group]


@dataclass(frozen=True, slots=True)
class WordGroup:
    """The words of one group, such as the colours or the objects."""

    name: str
    #: The number of words of this group in the explanation of one album.
    named: int
    #: The positions of the group's words in `VisualVocabulary.words`.
    places: slice


@dataclass(frozen=True)
class VisualVocabulary:
    """All words, group after group."""

    words: tuple[str, ...]
    groups: tuple[WordGroup, ...]
    #: Templates of the texts that are embedded for each word; `{}` is replaced by the word.
    forms: tuple[str, ...]
    #: Identifies the content of the file and the version of explanations.
    version: str

    @classmethod
    def load(cls) -> Self:
        """Read the vocabulary from the package."""
        data = files(__package__).joinpath(_FILE).read_bytes()
        content = _Content.model_validate_json(data)
        return cls(
            words=tuple(word for group in content.groups.values() for word in group.words),
            groups=tuple(_groups(content.groups)),
            forms=content.forms,
            version=f"{EXPLANATION_VERSION}-{hashlib.sha256(data).hexdigest()[:12]}",
        )

    @cached_property
    def group_of(self) -> tuple[str, ...]:
        """The name of each word's group, in the order of `words`."""
        sizes = ((group.name, group.places.stop - group.places.start) for group in self.groups)
        return tuple(name for name, size in sizes for _ in range(size))

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The texts to embed: all words in the first form, then all words in the second form, and so on."""
        return tuple(form.format(word) for form in self.forms for word in self.words)


def _groups(groups: Mapping[str, _Group]) -> Iterator[WordGroup]:
    start = 0
    for name, group in groups.items():
        end = start + len(group.words)
        yield WordGroup(name, group.named, slice(start, end))
        start = end
