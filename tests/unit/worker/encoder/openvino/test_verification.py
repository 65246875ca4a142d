from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from common.errors import ModelUnavailable
from worker.encoder.checkpoint import Weights, load_checkpoint
from worker.encoder.model_files import find_model
from worker.encoder.openvino.encoder import OpenVinoEncoder
from worker.encoder.openvino.export_cache import exported
from worker.encoder.openvino.verification import verify
from worker.encoder.preprocessing import read_preprocessing

pytestmark = pytest.mark.starts_processes


class Scaled(Weights):
    """The weights of a checkpoint with one tensor multiplied by a factor."""

    def __init__(self, weights: Weights, *, name: str, factor: float) -> None:
        self._weights, self._name, self._factor = weights, name, factor

    def __getitem__(self, name: str) -> npt.NDArray[np.float32]:
        tensor = self._weights[name]
        return tensor * np.float32(self._factor) if name == self._name else tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._weights)

    def __len__(self) -> int:
        return len(self._weights)

    def shape(self, name: str) -> tuple[int, ...]:
        return self._weights.shape(name)


def test_an_export_that_agrees_with_its_checkpoint_passes(tiny_clip: Path, export_cache: Path) -> None:
    source = find_model(str(tiny_clip))
    encoder = OpenVinoEncoder(source, exported(source, cache_dir=export_cache))

    verify(encoder, load_checkpoint(tiny_clip), read_preprocessing(tiny_clip))


@pytest.mark.parametrize("factor", [-1.0, float("nan")])
@pytest.mark.parametrize("projection", ["text_projection", "visual_projection"])
def test_an_export_that_disagrees_with_its_checkpoint_is_refused(
    factor: float, projection: str, tiny_clip: Path, export_cache: Path
) -> None:
    source = find_model(str(tiny_clip))
    encoder = OpenVinoEncoder(source, exported(source, cache_dir=export_cache))
    checkpoint = load_checkpoint(tiny_clip)

    weights = Scaled(checkpoint.weights, name=f"{projection}.weight", factor=factor)

    with pytest.raises(ModelUnavailable, match="disagrees"):
        verify(encoder, replace(checkpoint, weights=weights), read_preprocessing(tiny_clip))
