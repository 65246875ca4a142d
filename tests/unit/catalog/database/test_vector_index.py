"""A first load builds the same vector index as the schema."""

from catalog.database.migrations import migrations
from catalog.database.vector_index import index_statement


def test_the_index_statement_equals_the_schemas() -> None:
    statement = index_statement()

    assert statement in next(m.sql for m in migrations() if m.name == "001_albums.sql")
    assert "halfvec_cosine_ops" in statement


def test_an_identical_index_can_be_built_under_another_name() -> None:
    statement = index_statement(table="album_covers_next", index="other")

    assert "IF NOT EXISTS other ON album_covers_next" in statement
    assert "album_covers_embedding_hnsw" not in statement
