"""The protocol of embedders, with the types of their input and output items."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from catalog.ingest.rejection import Rejected, RowFault
from common.catalog.protocol import ModelStamp
from common.colours.palette import Palette
from common.prints import Print

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class CoverToEmbed(Generic[P]):
    """The bytes of a cover, with its row number, its album's id, and data for the next pipeline stage."""

    row: int
    id: str
    content: bytes
    payload: P
    #: Whether the cover's thumbnails are made in the same pass.
    wants_thumbnails: bool = False
    #: Whether the cover's print is made in the same pass.
    wants_print: bool = False

    def rejected(self, fault: RowFault) -> Rejected:
        return Rejected(self.row, self.id, fault.reason, fault.detail)


@dataclass(frozen=True, slots=True)
class EmbeddedCover(Generic[P]):
    """A cover with its embedding, shape (512,), float32, unit length, and its palette."""

    cover: CoverToEmbed[P]
    embedding: npt.NDArray[np.float32]
    #: The cover's palette; None if the embedder computes no palettes.
    palette: Palette | None = None
    #: The cover's thumbnails as WebP files, the smallest first; empty if they were not wanted or not made.
    thumbnails: tuple[bytes, ...] = ()
    #: The cover's print; None if it was not wanted or not made.
    cover_print: Print | None = None


class CoverEmbedder(Protocol):
    """Embeds a stream of covers in their order; `stamp` names the model."""

    stamp: ModelStamp

    def embed(self, covers: Iterable[CoverToEmbed[P] | Rejected]) -> Iterator[EmbeddedCover[P] | Rejected]:
        """Yield, for each cover, its embedding or the rejection of its row."""
        ...
