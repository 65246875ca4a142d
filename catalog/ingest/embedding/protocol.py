"""What flows through the stages: an album's cover, with whatever the stage after them needs of it."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from catalog.ingest.rejection import Rejected, RowFault
from common.catalog.protocol import ModelStamp

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class CoverToEmbed(Generic[P]):
    """A row's number, its album's id, and the bytes of its cover."""

    row: int
    id: str
    cover: bytes
    payload: P

    def rejected(self, fault: RowFault) -> Rejected:
        return Rejected(self.row, self.id, fault.reason, fault.detail)

    @property
    def cover_hash(self) -> str:
        return hashlib.sha256(self.cover).hexdigest()


@dataclass(frozen=True, slots=True)
class EmbeddedCover(Generic[P]):
    """A cover and its embedding, shape (512,), float32, unit length."""

    covered: CoverToEmbed[P]
    embedding: npt.NDArray[np.float32]


class CoverEmbedder(Protocol):
    """Embeds a stream of covers in order; `stamp` is that of its model."""

    stamp: ModelStamp

    def embed(self, covers: Iterable[CoverToEmbed[P] | Rejected]) -> Iterator[EmbeddedCover[P] | Rejected]:
        """Yield each cover with its embedding, or why it has none."""
        ...
