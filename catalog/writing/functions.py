"""Writing to the catalog in terms of its SQL functions, whichever way they are called."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from catalog.writing.protocol import Findings, IndexFacts, Origin
from common.catalog.functions import FunctionCatalog
from common.catalog.protocol import ModelStamp

#: Longest wait for one call: a page or a batch of a hundred albums, on a busy database.
TIMEOUT_S = 60.0


class FunctionWriter(FunctionCatalog):
    """All but the writing of rows."""

    def origins(self, album_ids: Sequence[str]) -> dict[str, Origin]:
        found = self._document("album_origins", {"album_ids": list(album_ids)})
        return {album_id: Origin(**kept) for album_id, kept in found.items()}

    def delete(self, album_ids: Sequence[str]) -> set[str]:
        return set(self._document("delete_albums", {"album_ids": list(album_ids)}))

    def page(self, *, after_id: str | None, size: int) -> list[dict[str, Any]]:
        return list(self._document("album_page", {"after_id": after_id, "page_size": size}))

    def write_stamp(self, stamp: ModelStamp) -> None:
        self._document("stamp_catalog", asdict(stamp))

    def findings(self) -> Findings:
        found = self._document("catalog_findings", {})
        index = found["index"]
        return Findings(
            albums=found["albums"],
            embedded=found["embedded"],
            not_unit_length=found["not_unit_length"],
            without_names=found["without_names"],
            index=None
            if index is None
            else IndexFacts(**index, usable=f'"{index["name"]}"' in json.dumps(found["plan"])),
            walks=bool(self._document("search_walks", {})),
        )
