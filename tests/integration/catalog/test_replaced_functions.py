"""SQL functions are replaced, as by a migration, while the service runs."""

import psycopg

from tests.integration.catalog.conftest import Opened

#: The number of calls; it must be larger than psycopg's threshold for preparing a statement.
CALLS = 8


def test_replacing_a_function_with_another_return_type_fails_no_call(writable: Opened) -> None:
    for _ in range(CALLS):
        writable.catalog.genres()

    with psycopg.connect(writable.database_url) as migration:
        migration.execute("DROP FUNCTION album_genres")
        migration.execute(
            "CREATE FUNCTION album_genres() RETURNS jsonb LANGUAGE sql AS 'SELECT ''[\"Rock\"]''::jsonb'"
        )

    assert writable.catalog.genres() == ["Rock"]
