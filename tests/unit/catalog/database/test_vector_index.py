"""The index that a load builds is the one that the schema makes."""

from catalog.database.migrations import migrations
from catalog.database.vector_index import index_statement


def test_the_statement_is_the_schemas_own() -> None:
    statement = index_statement()

    assert statement in next(m.sql for m in migrations() if m.name == "001_albums.sql")
    assert "halfvec_cosine_ops" in statement


def test_the_same_index_can_be_made_beside_it() -> None:
    statement = index_statement(table="album_covers_next", index="other")

    assert "IF NOT EXISTS other ON album_covers_next" in statement
    assert "album_covers_embedding_hnsw" not in statement
