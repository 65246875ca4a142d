"""A migration under a running service: statements that were prepared against the functions of before."""

import psycopg
import pytest

from common.catalog.postgres import PostgresCatalog
from common.errors import CatalogUnavailable

#: More often than psycopg needs to prepare a statement.
CALLS = 8


def test_a_function_replaced_by_one_of_another_type_costs_one_call_a_connection(database_url: str) -> None:
    catalog = PostgresCatalog(database_url, timeout_s=5, connections=1)
    for _ in range(CALLS):
        catalog.genres()

    with psycopg.connect(database_url) as migration:
        migration.execute("DROP FUNCTION album_genres")
        migration.execute(
            "CREATE FUNCTION album_genres() RETURNS jsonb LANGUAGE sql AS 'SELECT ''[\"Rock\"]''::jsonb'"
        )
    with pytest.raises(CatalogUnavailable, match="functions have changed"):
        catalog.genres()

    assert catalog.genres() == ["Rock"]
    catalog.close()
