"""Logs warnings about catalog faults that do not make results wrong, at startup and then periodically."""

import logging

from api.search.catalog_cache import CatalogCache

log = logging.getLogger(__name__)

CHECK_EVERY_S = 60.0


class CatalogWarnings:
    """Checks the catalog's configuration and logs each fault once until it is fixed."""

    def __init__(self, catalog: CatalogCache) -> None:
        self._catalog = catalog
        self._reported: set[str] = set()

    async def check(self) -> None:
        """Log the configuration faults that the previous check did not find."""
        found = await self._catalog.warnings()
        for fault in found:
            if fault.problem not in self._reported:
                log.warning(
                    "the catalog is misconfigured",
                    extra={"code": fault.code, "problem": fault.problem, "detail": fault.detail},
                )
        self._reported = {fault.problem for fault in found}
