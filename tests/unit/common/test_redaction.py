"""What others are told names no folder of this machine and no credentials."""

import pytest

from common.redaction import without_places


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("the weights in /home/me/models/clip lack a tensor", "the weights in …/clip lack a tensor"),
        ("('/root/.cache/x/config.json') cannot be read", "('…/config.json') cannot be read"),
        ("~/.cache/cover-search/entry is damaged", "…/entry is damaged"),
        ("CLIP_MODEL is ./models/demo", "CLIP_MODEL is ./models/demo"),
        ("openai/clip-vit-base-patch32 is not there", "openai/clip-vit-base-patch32 is not there"),
        ("apply catalog/schema/002_search.sql", "apply catalog/schema/002_search.sql"),
        ("GET /api/genres lists them", "GET /api/genres lists them"),
        ("https://x.supabase.co/rest/v1/rpc is 404", "https://x.supabase.co/rest/v1/rpc is 404"),
        ("postgresql://me:secret@db:5432/x is down", "postgresql://…@db:5432/x is down"),
        ("redis://:secret@redis:6379/0", "redis://…@redis:6379/0"),
    ],
)
def test_a_path_is_its_last_name_and_an_address_names_no_user(sentence: str, shown: str) -> None:
    assert without_places(sentence) == shown
