import numpy as np
import pytest

from worker.encoder.openvino_encoder import passes
from worker.encoder.tokens import PackedTexts, rounded_up


def test_packed_texts_come_back_from_the_rectangle_in_their_places() -> None:
    sequences = [np.array([5, 6, 7]), np.array([8]), np.array([9, 10])]

    packed = PackedTexts.of(sequences)
    rectangle = packed.ids[packed.to_padded]

    assert rectangle.tolist() == [[5, 6, 7, 7], [8, 8, 8, 8], [9, 10, 10, 10]]
    assert rectangle.reshape(-1)[packed.to_flat].tolist()[:6] == [5, 6, 7, 8, 9, 10]
    assert packed.positions.tolist()[:6] == [0, 1, 2, 0, 0, 1]
    assert packed.ids[packed.ends].tolist() == [7, 8, 10]


def test_passes_come_in_few_lengths_none_much_longer_than_its_texts() -> None:
    lengths = {tokens: rounded_up(tokens) for tokens in range(1, 1101)}

    assert all(tokens <= rounded < tokens * 1.25 + 4 for tokens, rounded in lengths.items())
    assert len(set(lengths.values())) < 60


@pytest.mark.parametrize("lengths", [[], [77], [1] * 3000, [2, 77, 3, 50] * 40])
def test_every_text_goes_through_the_model_once_and_no_pass_is_too_long(lengths: list[int]) -> None:
    groups = [group.tolist() for group in passes(lengths)]

    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    assert all(sum(lengths[index] for index in group) <= 1024 for group in groups)


def test_texts_of_similar_length_share_a_pass() -> None:
    lengths = [70, 3] * 20

    groups = [sorted({lengths[index] for index in group}) for group in passes(lengths)]

    assert groups == [[3, 70], [70]]
