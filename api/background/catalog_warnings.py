"""Warns of what is set up wrongly in the catalog without making searches wrong: at the start, and later."""

import logging

from api.search.catalog_cache import CatalogCache

log = logging.getLogger(__name__)

LOOK_EVERY_S = 60.0


class CatalogWarnings:
    """Looks at how the catalog is set up and tells each fault once, until it is mended."""

    def __init__(self, catalog: CatalogCache) -> None:
        self._catalog = catalog
        self._told: set[str] = set()

    async def look(self) -> None:
        """Warn of what was not wrong at the last look."""
        found = await self._catalog.warnings()
        for fault in found:
            if fault.problem not in self._told:
                log.warning(
                    "the catalog is misconfigured",
                    extra={"code": fault.code, "problem": fault.problem, "detail": fault.detail},
                )
        self._told = {fault.problem for fault in found}
