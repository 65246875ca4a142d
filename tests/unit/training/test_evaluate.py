"""An evaluation compares two models on every kind of question, over the held-out part of a table."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.optional_packages import NEEDS_TORCH
from tests.paths import DEMO_MODEL
from training.data.splits import Part, Shares

pytest.importorskip("torch", reason=NEEDS_TORCH)

from training.__main__ import main

pytestmark = pytest.mark.starts_processes


@pytest.fixture(scope="module")
def compared(demo_table: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report that compares the demo model with an untrained model, on two fifths of the artists."""
    folder = tmp_path_factory.mktemp("evaluated")
    models = ("--model", str(DEMO_MODEL), "--against", str(tiny_model))
    where = (
        "--output",
        str(folder),
        "--work",
        str(folder / "work"),
        "--report",
        str(folder / "rejected.csv"),
    )
    part = ("--part", "held-out", "--held-out", "0.4", "--attribute", "mood")
    table = folder / "albums.jsonl"
    rows = [json.loads(line) for line in demo_table.read_text().splitlines()]
    extended = [row | {"mood": row["metadata"]["look"]["tone"]} for row in rows]
    table.write_text("".join(json.dumps(row) + "\n" for row in extended))
    covers = str(demo_table.parent / "covers")
    assert main(["evaluate", str(table), "--covers", covers, *models, *part, *where, "--device", "cpu"]) == 0
    return folder


def figures(folder: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((folder / "evaluation.json").read_text())
    return found


def test_only_the_held_out_part_is_measured(compared: Path) -> None:
    rows = [json.loads(line) for line in (compared / "albums.jsonl").read_text().splitlines()]
    shares = Shares(validation=0.1, held_out=0.4)

    held_out = [row for row in rows if shares.part_of(row["artist"]) is Part.HELD_OUT]

    assert figures(compared)["after"]["covers"] == len(held_out)


def test_a_trained_model_finds_more_than_an_untrained_one(compared: Path) -> None:
    before, after = figures(compared)["before"], figures(compared)["after"]

    for measure in ("caption_recall", "cover_recall"):
        assert all(after[measure][name] > before[measure][name] + 0.2 for name in after[measure])
    for measure, name in (("precision_at_10", "colour"), ("photo_recall_at_1", "all distortions")):
        assert after[measure][name] > before[measure][name]
    assert after["precision_at_10"]["colour"] > 2 * after["chance_at_10"]["colour"]


def test_genres_attributes_and_every_distortion_are_evaluated(compared: Path) -> None:
    after = figures(compared)["after"]

    assert {"genre", "mood", "colour", "shape", "texture"} <= set(after["precision_at_10"])
    assert after["precision_at_10"].keys() == after["chance_at_10"].keys()
    assert {"mood: dark", "mood: pale"} <= set(after["precision_by_word"])
    assert {"all distortions", "rotation", "perspective", "crop", "light", "glare", "blur", "jpeg"} == set(
        after["photo_recall_at_1"]
    )


def test_the_comparison_is_also_written_as_table_and_chart(compared: Path) -> None:
    assert "| measure | before | after | difference |" in (compared / "evaluation.md").read_text()
    assert (compared / "evaluation.svg").read_text().startswith("<svg")


def test_without_a_table_the_demo_is_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models = ("--model", str(DEMO_MODEL), "--output", str(tmp_path))

    assert main(["evaluate", *models, "--count", "40", "--device", "cpu"]) == 0

    assert "| caption to cover, recall@10 among 40 | 1.000 |" in capsys.readouterr().out
    assert json.loads((tmp_path / "evaluation.json").read_text())["covers"] == 40


def test_the_covers_of_another_seed_are_other_covers(tmp_path: Path) -> None:
    recalls = []
    for seed in ("1967", "3"):
        folder = tmp_path / seed
        models = ("--model", str(DEMO_MODEL), "--output", str(folder))
        assert main(["evaluate", *models, "--count", "30", "--seed", seed, "--device", "cpu"]) == 0
        recalls.append(json.loads((folder / "evaluation.json").read_text())["precision_by_word"])

    assert recalls[0].keys() != recalls[1].keys()
