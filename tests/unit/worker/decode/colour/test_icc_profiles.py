import struct

import numpy as np
import pytest

from benchmarks.costly_images.icc_profiles import profile_of_elements, with_profile
from tests.unit.worker.decode.files import icc
from tests.unit.worker.decode.pictures import decode
from worker.decode.colour.icc_profiles import bounded


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_processing_elements_are_ignored_as_in_browsers(image_format: str) -> None:
    pixels = decode(with_profile(image_format, 3000), size_px=16)

    # The profile's processing elements, which must be ignored, would swap red and blue.
    np.testing.assert_allclose(pixels, np.broadcast_to([200, 30, 30], pixels.shape), atol=12)


def test_a_profile_without_processing_elements_is_left_as_it_is() -> None:
    profile = icc.matrix_profile(primaries=icc.DISPLAY_P3)

    assert bounded(profile) == profile


def test_signatures_of_hidden_tags_differ() -> None:
    hidden = bounded(profile_of_elements(3))
    (count,) = struct.unpack_from(">I", hidden, 128)
    names = [hidden[at : at + 4] for at in range(132, 132 + 12 * count, 12)]

    assert len(set(names)) == count
    assert not any(name.startswith(b"D2B") for name in names)


def test_tags_that_overlap_many_times_are_refused() -> None:
    profile = bytearray(icc.matrix_profile())
    (count,) = struct.unpack_from(">I", profile, 128)
    for number in range(count):
        struct.pack_into(">II", profile, 132 + 12 * number + 4, 128 + number, len(profile) - 128 - number)

    with pytest.raises(ValueError, match="share"):
        bounded(bytes(profile))


@pytest.mark.parametrize("profile", [b"", bytes(128), bytes(128) + b"\xff" * 4, bytes(131)])
def test_a_broken_profile_is_a_value_error(profile: bytes) -> None:
    with pytest.raises(ValueError, match="profile"):
        bounded(profile)
