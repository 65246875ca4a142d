import numpy as np

from worker.encoder.stand_in_encoder import FixedLatencyEncoder


def test_only_equal_inputs_have_equal_vectors() -> None:
    encoder = FixedLatencyEncoder()

    first, second, again = encoder.encode_texts(["red", "blue", "RED"])

    assert np.array_equal(first, again)
    assert abs(float(first @ second)) < 0.3


def test_it_counts_batches_and_items() -> None:
    encoder = FixedLatencyEncoder()

    encoder.encode_texts(["red", "blue"])
    encoder.encode_images(np.zeros((3, 4, 4, 3), dtype=np.uint8))

    assert (encoder.batches, encoder.items) == (2, 5)
