"""Names and URLs of thumbnails."""

import pytest

from common.thumbnails import SIZES_PX, Thumbnails, digest_in, file_name, thumbnail_urls

DIGEST = "ab" * 32
THUMBNAILS = Thumbnails(px_256=DIGEST, px_512="cd" * 32)


def test_a_file_name_contains_its_digest() -> None:
    assert file_name(DIGEST) == f"ab/{DIGEST}.webp"
    assert digest_in(file_name(DIGEST)) == DIGEST


@pytest.mark.parametrize(
    "name",
    [
        "",
        DIGEST,
        f"{DIGEST}.webp",
        f"cd/{DIGEST}.webp",
        f"ab/{DIGEST}.png",
        f"ab/{DIGEST}.webp\n",
        f"ab/{DIGEST[:-1]}.webp",
        f"ab/{DIGEST}0.webp",
        f"AB/{DIGEST.upper()}.webp",
        f"./ab/{DIGEST}.webp",
    ],
)
def test_any_other_name_contains_no_digest(name: str) -> None:
    assert digest_in(name) is None


@pytest.mark.parametrize("public_url", [None, "https://example.org", "https://example.org/music"])
def test_every_size_has_a_url(public_url: str | None) -> None:
    urls = thumbnail_urls(THUMBNAILS, public_url)

    base = f"{public_url or ''}/thumbnails"
    assert urls == {"256": f"{base}/ab/{DIGEST}.webp", "512": f"{base}/cd/{'cd' * 32}.webp"}
    assert list(urls) == [str(size) for size in SIZES_PX]


def test_a_cover_without_thumbnails_has_no_urls() -> None:
    assert thumbnail_urls(None, "https://example.org") is None
