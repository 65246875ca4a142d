"""Test fine-tuning from the command line, with a few demo albums and a CLIP model of two layers."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.optional_packages import NEEDS_TORCH
from tests.paths import ROOT
from tests.polling import eventually
from tests.unit.training.conftest import ALBUMS, save_tiny
from worker.encoder.load_encoder import load_encoder

pytest.importorskip("torch", reason=NEEDS_TORCH)

import torch
from safetensors.torch import load_file

from training.__main__ import main
from training.evaluation.encoder import Encoder

pytestmark = pytest.mark.starts_processes

#: Shares of the data. Two fifths are held out, so that chance rarely ranks the right album in the best ten.
SPLIT = ("--validation", "0.1", "--held-out", "0.4")


def call(table: Path, base: Path, folder: Path, *more: str) -> list[str]:
    where = ("--output", str(folder / "tuned"), "--work", str(folder / "work"))
    report = ("--report", str(folder / "rejected.csv"))
    covers = str(table.parent / "covers")
    speed = ("--batch", "48", "--learning-rate", "2e-3", "--device", "cpu")
    arguments = ("--covers", covers, "--model", str(base), *where, *report, *SPLIT, *speed, *more)
    return ["finetune", str(table), *arguments]


def record(folder: Path) -> dict[str, dict[str, dict[str, float]]]:
    found: dict[str, dict[str, dict[str, float]]] = json.loads(
        (folder / "tuned" / "finetuning.json").read_bytes()
    )
    return found


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "tuned" / "model.safetensors")


@pytest.fixture(scope="module")
def tuned(demo_table: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a short fine-tuning run."""
    folder = tmp_path_factory.mktemp("tuned")
    steps = ("--steps", "120", "--validate-every", "40", "--patience", "0", "--photographed", "0")
    assert main(call(demo_table, tiny_model, folder, *steps)) == 0
    return folder


def test_captions_find_covers_of_held_out_artists(tuned: Path) -> None:
    report = record(tuned)

    before, after = report["before"]["held-out"], report["after"]["held-out"]
    name = next(name for name in after if name.startswith("recall@10"))

    assert after[name] - before[name] >= 0.25


def test_the_service_loads_the_fine_tuned_model(tuned: Path) -> None:
    encoder = load_encoder(
        str(tuned / "tuned"), kind="openvino", precision="float32", cache_dir=tuned / "cache"
    )
    plain = Encoder.load(tuned / "tuned")

    served = torch.from_numpy(encoder.encode_texts(["red circle"]))
    encoder.close()

    assert served.shape == (1, 512)
    assert torch.allclose(served, plain.texts(["red circle"]), atol=1e-4)


def test_the_model_card_describes_the_run(tuned: Path) -> None:
    card = (tuned / "tuned" / "README.md").read_text()

    assert "tiny" in card
    assert "albums.jsonl" in card
    assert "python -m training" in card
    assert "| measure | before | after | difference |" in card


def test_the_log_has_loss_and_validation_figures(tuned: Path) -> None:
    with next((tuned / "work").glob("run-*/log.csv")).open() as file:
        rows = list(csv.DictReader(file))

    assert float(rows[-1]["text_to_picture"]) < float(rows[0]["text_to_picture"])
    assert 0 < float(rows[-1]["validation"]) <= float(rows[-1]["best"])


def test_training_stops_when_validation_no_longer_improves(
    demo_table: Path, tiny_model: Path, tmp_path: Path
) -> None:
    # The result is the base model, because such a small learning rate changes no ranking.
    steps = ("--steps", "50", "--validate-every", "2", "--patience", "3", "--learning-rate", "1e-12")

    assert main(call(demo_table, tiny_model, tmp_path, *steps)) == 0

    report = json.loads((tmp_path / "tuned" / "finetuning.json").read_bytes())
    base = load_file(tiny_model / "model.safetensors")
    assert report["steps"] == 6
    assert all(torch.equal(weight, base[name]) for name, weight in weights(tmp_path).items())


def test_a_killed_and_resumed_run_equals_an_uninterrupted_one(
    demo_table: Path, tiny_model: Path, tmp_path: Path
) -> None:
    steps = ("--steps", "150", "--save-every", "10", "--validate-every", "50")
    command = [sys.executable, "-m", "training", "--threads", "1"]
    broken = subprocess.Popen(
        [*command, *call(demo_table, tiny_model, tmp_path / "broken", *steps)],
        cwd=ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    _wait_for_checkpoint(tmp_path / "broken" / "work", broken)
    broken.send_signal(signal.SIGKILL)
    broken.wait()
    assert not (tmp_path / "broken" / "tuned").exists()
    for folder in ("broken", "unbroken"):
        assert main(call(demo_table, tiny_model, tmp_path / folder, *steps)) == 0

    resumed, unbroken = weights(tmp_path / "broken"), weights(tmp_path / "unbroken")
    assert all(torch.equal(weight, unbroken[name]) for name, weight in resumed.items())


def _wait_for_checkpoint(work: Path, process: subprocess.Popen[bytes]) -> None:
    def is_written() -> bool:
        found = bool(list(work.glob("run-*/checkpoint.pt")))
        assert found or process.poll() is None, "it ended before its first checkpoint"
        return found

    eventually(is_written, within_s=100)


def test_bad_covers_are_skipped_and_reported(demo_table: Path, tiny_model: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in demo_table.read_text().splitlines()]
    rows[4]["cover"] = "nowhere.jpg"
    worse = tmp_path / "worse.jsonl"
    worse.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "covers").symlink_to(demo_table.parent / "covers")

    status = main(call(worse, tiny_model, tmp_path, "--steps", "2"))

    with (tmp_path / "rejected.csv").open() as file:
        report = [(row["row"], row["id"], row["reason"]) for row in csv.DictReader(file)]
    assert status == 1
    assert report == [("5", "demo-1967-00004", "missing_cover")]
    assert sum(json.loads((tmp_path / "tuned" / "finetuning.json").read_bytes())["albums"].values()) == (
        ALBUMS - 1
    )


def test_a_model_of_another_width_is_refused_before_training(
    demo_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_tiny(tmp_path / "wide", projection=64)

    status = main(call(demo_table, tmp_path / "wide", tmp_path, "--steps", "2"))

    assert status == 2
    assert "64 dimensions" in capsys.readouterr().err
    assert not (tmp_path / "work").exists()


def test_an_unreadable_table_ends_with_a_message_and_no_traceback(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "albums.jsonl"
    table.mkdir()
    given = [str(table), "--covers", str(tmp_path), "--model", str(tiny_model)]

    status = main(["finetune", *given, "--output", str(tmp_path / "tuned"), "--work", str(tmp_path / "work")])

    assert status == 2
    assert "training: " in capsys.readouterr().err
