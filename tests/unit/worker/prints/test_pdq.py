import numpy as np

from worker.prints.pdq import pdq_hash

#: The hash that pdqhash 0.2.8, Meta's implementation, computes for `pattern`.
_REFERENCE = "1f1838e3e718c461761efd4f98d0876787503f0e7dd0f0ef07036f48101eaabe"


def pattern() -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """Return 300 x 200 pixels of waves and a disc, without symmetry."""
    y, x = np.mgrid[:200, :300].astype(float)
    waves = 90 * np.sin(x / 17 + y / 41) + 60 * np.cos(y / 13 - x * y / 5000)
    disc = 70.0 * (np.hypot(x - 90, y - 120) < 45)
    levels = np.clip(np.stack([waves + 120 + disc, waves / 2 + 90, 200 - waves], axis=-1), 0, 255)
    return np.asarray(levels, dtype=np.uint8)


def test_the_hash_is_the_reference_implementations_hash() -> None:
    assert pdq_hash(pattern()).hex() == _REFERENCE


def test_a_picture_without_contrast_has_a_hash() -> None:
    assert len(pdq_hash(np.full((10, 10, 3), 128, np.uint8))) == 32
