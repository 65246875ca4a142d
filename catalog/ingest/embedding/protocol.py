"""The protocol of embedders, and the items that go into one and come out of it."""

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
    """The bytes of a cover, with its row number, its album's id, and a payload for the next stage."""

    row: int
    id: str
    content: bytes
    payload: P

    def rejected(self, fault: RowFault) -> Rejected:
        return Rejected(self.row, self.id, fault.reason, fault.detail)


@dataclass(frozen=True, slots=True)
class EmbeddedCover(Generic[P]):
    """A cover and its embedding, shape (512,), float32, unit length."""

    cover: CoverToEmbed[P]
    embedding: npt.NDArray[np.float32]


class CoverEmbedder(Protocol):
    """Embeds a stream of covers in order; `stamp` names its model."""

    stamp: ModelStamp

    def embed(self, covers: Iterable[CoverToEmbed[P] | Rejected]) -> Iterator[EmbeddedCover[P] | Rejected]:
        """Yield each cover with its embedding, or the reason why it has none."""
        ...
