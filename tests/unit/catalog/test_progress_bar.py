"""The rate in the progress bar counts only embedded covers, and is shown after the first cover."""

from rich.progress import Progress

from catalog.progress_bar import Throughput, TimeLeftColumn
from tests.clock import Clock


def test_one_batch_is_enough_for_a_rate() -> None:
    clock = Clock()
    pace = Throughput(clock)
    assert pace.per_s is None

    clock.now_s += 4
    pace.worked(100)

    assert pace.per_s == 25


def test_unchanged_rows_do_not_count_for_the_rate() -> None:
    clock = Clock()
    pace = Throughput(clock)
    clock.now_s += 60
    pace.skipped()

    clock.now_s += 10
    pace.worked(50)
    pace.skipped()

    assert pace.per_s == 5


def test_the_rate_covers_the_last_half_minute() -> None:
    clock = Clock()
    pace = Throughput(clock)
    for covers in [1000] * 10 + [10] * 40:
        clock.now_s += 1
        pace.worked(covers)

    assert pace.per_s == 10


def test_the_time_left_is_the_remaining_count_over_the_rate() -> None:
    clock = Clock()
    pace = Throughput(clock)
    progress = Progress()
    task = progress.add_task("covers", total=1000, completed=900, pace=pace)
    column = TimeLeftColumn()
    unknown = column.render(progress.tasks[task]).plain

    clock.now_s += 1
    pace.worked(2)

    assert unknown == "-:--:--"
    assert column.render(progress.tasks[task]).plain == "0:00:50"
