from pathlib import Path

import pytest
import torch

from common.errors import ModelUnavailable
from worker.encoder.cache import exported
from worker.encoder.checkpoint import load_checkpoint
from worker.encoder.openvino_encoder import OpenVinoEncoder
from worker.encoder.preprocessing import read_preprocessing
from worker.encoder.source import find_model
from worker.encoder.verification import verify


def test_an_export_that_agrees_with_its_checkpoint_passes(tiny_clip: Path, export_cache: Path) -> None:
    source = find_model(str(tiny_clip))
    encoder = OpenVinoEncoder(source, exported(source, cache_dir=export_cache))

    verify(encoder, load_checkpoint(tiny_clip), read_preprocessing(tiny_clip))


@pytest.mark.parametrize("change", [-1.0, float("nan")])
@pytest.mark.parametrize("projection", ["text_projection", "visual_projection"])
def test_an_export_that_disagrees_with_its_checkpoint_is_refused(
    change: float, projection: str, tiny_clip: Path, export_cache: Path
) -> None:
    source = find_model(str(tiny_clip))
    encoder = OpenVinoEncoder(source, exported(source, cache_dir=export_cache))
    checkpoint = load_checkpoint(tiny_clip)

    with torch.no_grad():
        getattr(checkpoint.model, projection).weight.mul_(change)

    with pytest.raises(ModelUnavailable, match="disagrees"):
        verify(encoder, checkpoint, read_preprocessing(tiny_clip))
