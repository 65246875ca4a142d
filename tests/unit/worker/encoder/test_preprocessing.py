import json
from pathlib import Path

import pytest

from common.errors import ModelUnavailable
from worker.encoder.preprocessing import Preprocessing, read_preprocessing

OURS: dict[str, object] = {
    "size": {"shortest_edge": 80},
    "crop_size": {"height": 80, "width": 80},
    "image_mean": [0.1, 0.2, 0.3],
    "image_std": [1, 1, 1],
}


def write(folder: Path, config: dict[str, object], *, name: str = "preprocessor_config.json") -> Path:
    (folder / name).write_text(json.dumps(config))
    return folder


def test_configs_of_older_and_newer_transformers_are_read(tmp_path: Path) -> None:
    expected = Preprocessing(size_px=80, mean=(0.1, 0.2, 0.3), std=(1.0, 1.0, 1.0))

    write(tmp_path, OURS)
    assert read_preprocessing(tmp_path) == expected

    write(tmp_path, OURS | {"size": 80, "crop_size": 80})
    assert read_preprocessing(tmp_path) == expected

    write(tmp_path, {"image_processor": OURS}, name="processor_config.json")
    (tmp_path / "preprocessor_config.json").unlink()
    assert read_preprocessing(tmp_path) == expected


def test_missing_preprocessing_settings_have_clips_defaults(tmp_path: Path) -> None:
    assert read_preprocessing(tmp_path).size_px == 224
    assert read_preprocessing(tmp_path).mean[0] == 0.48145466


@pytest.mark.parametrize(
    "change",
    [
        {"do_normalize": False},
        {"resample": 2},
        {"rescale_factor": 1 / 127.5},
        {"size": {"shortest_edge": 96}},
        {"size": {"height": 80, "width": 60}},
    ],
)
def test_preprocessing_other_than_clips_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    write(tmp_path, OURS | change)

    with pytest.raises(ModelUnavailable):
        read_preprocessing(tmp_path)
