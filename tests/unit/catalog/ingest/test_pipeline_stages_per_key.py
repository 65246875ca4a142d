"""Slow work for one key does not delay other keys, and the number of started items is limited."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from catalog.ingest.pipeline_stages import as_completed_per_key
from catalog.ingest.rejection import Rejected


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as executor:
        yield executor


def first_letter(item: str) -> str:
    return item[0]


def test_a_blocked_key_does_not_delay_other_keys(executor: ThreadPoolExecutor) -> None:
    go_on = threading.Event()

    def work(item: str) -> str:
        if item[0] == "a":
            assert go_on.wait(60)
        return item

    items = [*(f"a{n}" for n in range(500)), *(f"b{n}" for n in range(500))]
    done = as_completed_per_key(executor, work, items, key_of=first_letter, per_key=4, ahead=64)

    first = [next(done) for _ in range(500)]
    go_on.set()
    rest = list(done)

    assert {str(item)[0] for item in first} == {"b"}
    assert sorted(map(str, [*first, *rest])) == sorted(items)


def test_the_number_of_concurrent_items_per_key_is_bounded(executor: ThreadPoolExecutor) -> None:
    active: Counter[str] = Counter()
    most: Counter[str] = Counter()
    lock = threading.Lock()

    def work(item: str) -> str:
        with lock:
            active[item[0]] += 1
            most[item[0]] = max(most[item[0]], active[item[0]])
        with lock:
            active[item[0]] -= 1
        return item

    items = [f"{letter}{n}" for n in range(200) for letter in "abc"]
    done = list(as_completed_per_key(executor, work, items, key_of=first_letter, per_key=3, ahead=64))

    assert sorted(map(str, done)) == sorted(items)
    assert max(most.values()) <= 3


def test_the_number_of_finished_items_in_memory_is_bounded(executor: ThreadPoolExecutor) -> None:
    begun: list[str] = []

    def work(item: str) -> str:
        begun.append(item)
        return item

    items = (f"{n % 10}-{n}" for n in range(1000))
    with closing(
        as_completed_per_key(executor, work, items, key_of=first_letter, per_key=4, ahead=8)
    ) as done:
        taken = [next(done) for _ in range(5)]

        # Each started item was consumed, is one of the 8 in memory, or is being handed over.
        assert len(begun) <= len(taken) + 8 + 1


def test_work_continues_while_no_result_is_consumed(executor: ThreadPoolExecutor) -> None:
    ended = threading.Event()
    left = [40]
    lock = threading.Lock()

    def work(item: str) -> str:
        with lock:
            left[0] -= 1
            if left[0] == 0:
                ended.set()
        return item

    def items() -> Iterator[str]:
        yield from (f"a{n}" for n in range(39))
        yield "b"
        # Every item that may start has started, although no result is consumed during this wait.
        assert ended.wait(60)

    assert (
        len(list(as_completed_per_key(executor, work, items(), key_of=first_letter, per_key=2, ahead=64)))
        == 40
    )


def test_a_rejected_row_is_passed_on_and_an_exception_is_raised(executor: ThreadPoolExecutor) -> None:
    rejected = Rejected(1, "", "missing_cover", "")

    def work(item: str) -> str:
        raise LookupError(item)

    items: list[str | Rejected] = [rejected, "a"]
    done = as_completed_per_key(executor, work, items, key_of=first_letter, per_key=1, ahead=2)

    assert next(done) == rejected
    with pytest.raises(LookupError):
        next(done)


def test_no_work_starts_after_closing() -> None:
    begun: list[str] = []
    go_on = threading.Event()

    def work(item: str) -> str:
        begun.append(item)
        assert go_on.wait(60)
        return item

    with ThreadPoolExecutor(4) as executor:
        items = [Rejected(0, "", "", "") if n == 50 else f"a{n}" for n in range(100)]
        with closing(
            as_completed_per_key(executor, work, items, key_of=first_letter, per_key=2, ahead=64)
        ) as done:
            assert isinstance(next(done), Rejected)
        go_on.set()

    assert len(begun) == 2
