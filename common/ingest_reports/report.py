"""The report of one ingest: its state, its progress, and the albums that it left out.

running ──► done
   ├──────► failed        the ingest ended with an error
   ├──────► interrupted   Ctrl-C ended the ingest
   └──────► lost          the ingest was killed; its reports have stopped
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

import orjson

#: The version of the format; readers ignore reports of other versions.
VERSION = 1
#: The maximum number of left-out albums in a report.
LEFT_OUT_LISTED = 50
#: The maximum numbers of characters of a name, and of a sentence.
_NAME_MAX, _SENTENCE_MAX = 200, 400


class IngestState(StrEnum):
    """The state of an ingest."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    #: Never stored: a reader derives this state if a running ingest has stopped reporting.
    LOST = "lost"


class IngestPhase(StrEnum):
    """What a running ingest does, in the order of the phases."""

    STARTING = "starting"
    #: Reading the tags of a music folder.
    TAGS = "tags"
    #: Reading covers, embedding them, and writing albums.
    ALBUMS = "albums"
    #: Building the index of the embeddings after a first load.
    INDEX = "index"
    #: Deleting albums that are gone from a music folder.
    PRUNING = "pruning"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An album, a file or a folder that an ingest left out, and why."""

    #: The number of the row in its table; 0 if there is none.
    row: int
    id: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class IngestReport:
    """The state of an ingest at one moment."""

    id: str
    name: str
    #: `table`, `music`, `missing` or `demo`.
    source: str
    state: IngestState
    phase: IngestPhase
    #: The number of items of the phase that are done: files in the phase `tags`, and otherwise albums.
    done: int
    #: The number of items of the phase; None if it is not known.
    total: int | None
    #: The items per second in the last half minute; None if no item was processed.
    per_s: float | None
    elapsed_s: float
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    #: The numbers of left-out albums, files and folders by reason.
    left_out_by_reason: Mapping[str, int] = field(default_factory=dict)
    #: The first LEFT_OUT_LISTED of them.
    left_out: tuple[LeftOut, ...] = ()
    error: str | None = None

    def to_json(self) -> bytes:
        """Return the report as JSON, with long texts shortened."""
        document = asdict(self)
        document["name"] = _shortened(self.name, _NAME_MAX)
        document["error"] = None if self.error is None else _shortened(self.error, _SENTENCE_MAX)
        for one in document["left_out"]:
            one["id"] = _shortened(one["id"], _NAME_MAX)
            one["detail"] = _shortened(one["detail"], _SENTENCE_MAX)
        return orjson.dumps({"version": VERSION, **document})


def read_report(text: bytes) -> IngestReport | None:
    """Return the report in a JSON text, or None if a later release wrote what this release cannot read."""
    document: dict[str, Any] = orjson.loads(text)
    if document.get("version") != VERSION:
        return None
    try:
        known = _known_fields(IngestReport, document)
        known["state"] = IngestState(document["state"])
        known["phase"] = IngestPhase(document["phase"])
        known["left_out"] = tuple(LeftOut(**_known_fields(LeftOut, one)) for one in document["left_out"])
        return IngestReport(**known)
    except (KeyError, TypeError, ValueError):
        return None


def _known_fields(kind: type[IngestReport] | type[LeftOut], document: Mapping[str, Any]) -> dict[str, Any]:
    return {each.name: document[each.name] for each in fields(kind) if each.name in document}


def _shortened(text: str, most: int) -> str:
    # A lone surrogate, which a file name may contain, cannot be encoded.
    text = text.encode(errors="replace").decode()
    return text if len(text) <= most else f"{text[: most - 1]}…"
