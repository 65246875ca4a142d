"""The table, the file and the chart of an evaluation show the same figures."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

from training.evaluation.report import PLOT, REPORT, TABLE, Report, table, write

AFTER = Report(
    covers=10,
    caption_recall={"recall@1 among 10": 0.5},
    cover_recall={"recall@1 among 10": 0.4},
    precision_at_10={"genre": 0.25},
    chance_at_10={"genre": 0.1},
    precision_by_word={"genre: R&B <live>": 0.25},
    photo_recall_at_1={"glare": 0.9},
    precision_at_5={"colour + shape (3 queries)": 0.6},
)
BEFORE = replace(AFTER, caption_recall={"recall@1 among 10": 0.125})


def test_the_table_shows_base_result_and_difference() -> None:
    lines = table(AFTER, before=BEFORE).splitlines()

    assert lines[0] == "| measure | before | after | difference |"
    assert lines[2] == "| caption to cover, recall@1 among 10 | 0.125 | 0.500 | +0.375 |"
    assert "| precision@10, genre words (by chance 0.10) | 0.250 | 0.250 | +0.000 |" in lines
    assert "| precision@5, colour + shape (3 queries) | 0.600 | 0.600 | +0.000 |" in lines
    assert lines[-1] == "| photo to cover, recall@1, glare | 0.900 | 0.900 | +0.000 |"


def test_a_comparison_is_written_as_json_table_and_chart(tmp_path: Path) -> None:
    write(AFTER, tmp_path, before=BEFORE, title="tuned on R&B <live>")

    figures = json.loads((tmp_path / REPORT).read_text())
    picture = ET.parse(tmp_path / PLOT).getroot()
    words = [element.text for element in picture.iter() if element.tag.endswith("text")]

    assert figures["before"]["caption_recall"] == {"recall@1 among 10": 0.125}
    assert table(AFTER, before=BEFORE) in (tmp_path / TABLE).read_text()
    assert "tuned on R&B <live>" in words
    assert words.count("0.900") == 2


def test_a_single_model_is_written_as_json(tmp_path: Path) -> None:
    write(AFTER, tmp_path, title="tuned")

    assert json.loads((tmp_path / REPORT).read_text())["photo_recall_at_1"] == {"glare": 0.9}
    assert not (tmp_path / PLOT).exists()
