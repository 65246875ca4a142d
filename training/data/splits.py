"""Splits albums by artist into training, validation and held-out parts.

    0 ────── held out ──────┬──────────── train ────────────┬── validation ── 1
         below its share    │                               │  from 1 - its share

The artist's name is hashed to a number from 0 to 1, which determines the part for all albums of the artist.
Adding albums does not move an artist to another part. Changing the share of the held-out part does not change
the validation part, and vice versa. The split is by artist because an artist's albums look alike. If a model
were trained on some albums of an artist and evaluated on others, the results would be too good.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from catalog.ingest.columns.fields import Album
from common.errors import SettingsError


class Part(StrEnum):
    """A part of a table."""

    TRAIN = "train"
    #: The scores on this part decide which model is kept and when training stops.
    VALIDATION = "validation"
    #: After training, this part is evaluated only once.
    HELD_OUT = "held-out"


@dataclass(frozen=True, slots=True)
class Shares:
    """The shares of artists (from 0 to 1) whose albums are used for validation or held out."""

    validation: float = 0.1
    held_out: float = 0.1

    def part_of(self, artist: str) -> Part:
        """Return the part that contains all albums of an artist."""
        place = _place(artist)
        if place < self.held_out:
            return Part.HELD_OUT
        return Part.VALIDATION if place >= 1 - self.validation else Part.TRAIN

    def share_of(self, part: Part) -> float:
        """Return the share of artists that a part should have."""
        shares = {Part.VALIDATION: self.validation, Part.HELD_OUT: self.held_out}
        return shares.get(part, 1 - self.validation - self.held_out)


def split(albums: Iterable[Album], shares: Shares) -> dict[Part, list[int]]:
    """Return a dictionary that maps each part to the indexes of its albums.

    Raises:
        SettingsError: a part with a share above 0 is empty, or fewer than two albums remain for training.
    """
    parts: dict[Part, list[int]] = {part: [] for part in Part}
    for place, album in enumerate(albums):
        parts[shares.part_of(album.fields.artist)].append(place)
    for part, places in parts.items():
        if len(places) < (2 if part is Part.TRAIN else shares.share_of(part) > 0):
            raise SettingsError(
                f"{len(places)} albums fell to the part {part}: the table has too few artists for "
                f"--validation {shares.validation:g} and --held-out {shares.held_out:g}"
            )
    return parts


def _place(artist: str) -> float:
    """Return a hash of an artist's name as a number from 0 to 1, regardless of spacing and case."""
    name = " ".join(unicodedata.normalize("NFKC", artist).casefold().split())
    return int.from_bytes(hashlib.sha256(f"artist {name}".encode()).digest()[:8]) / 2**64
