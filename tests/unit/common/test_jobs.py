"""Tests of job states and timings."""

import pytest

from common.errors import AlbumNotFound, CatalogMisconfigured, InvalidParameter, UndecodableImage
from common.jobs import TERMINAL_STATES, TRANSITIONS, JobFailure, JobState, Timings


def test_the_transition_table_is_total_and_closed() -> None:
    assert set(TRANSITIONS) == set(JobState)
    assert all(target in JobState for targets in TRANSITIONS.values() for target in targets)
    assert all(state not in targets for state, targets in TRANSITIONS.items())


def test_the_states_without_transitions_are_terminal() -> None:
    assert {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELED} == TERMINAL_STATES


def test_every_state_is_reachable_from_queued() -> None:
    reached = {JobState.QUEUED}
    while True:
        wider = reached.union(*(TRANSITIONS[state] for state in reached))
        if wider == reached:
            break
        reached = wider

    assert reached == set(JobState)


def test_timings_add_up_to_their_total() -> None:
    timings = Timings.of(total_ms=12.345, decode_ms=1.27, embed_ms=5.55, search_ms=0.04)

    document = timings.as_document()

    assert round(sum(v for k, v in document.items() if k != "total"), 1) == document["total"]
    assert document["queue"] >= 0


def test_a_total_is_never_shorter_than_its_stages() -> None:
    timings = Timings.of(total_ms=1.0, decode_ms=1.0, embed_ms=1.0, search_ms=1.0)

    assert timings.queue_ms == 0
    assert timings.total_ms == 3.0


@pytest.mark.parametrize(
    "failure",
    [
        JobFailure(code="internal", detail='with "quotes" and ünïcode'),
        JobFailure.of(InvalidParameter("they cancel each other out", parameter="parts")),
        JobFailure.of(CatalogMisconfigured("apply the schema", problem="rpc_missing")),
    ],
)
def test_a_failure_survives_the_wire(failure: JobFailure) -> None:
    assert JobFailure.from_json(failure.to_json()) == failure


def test_a_failure_names_the_parameter_at_fault() -> None:
    assert JobFailure.of(InvalidParameter("x", parameter="parts")).parameter == "parts"
    assert JobFailure.of(UndecodableImage("x", parameter="file")).parameter == "file"
    assert JobFailure.of(AlbumNotFound("x")).parameter is None


def test_a_failure_names_the_problem_of_a_misconfigured_catalog() -> None:
    assert JobFailure.of(CatalogMisconfigured("x", problem="bad_key")).problem == "bad_key"
    assert JobFailure.of(AlbumNotFound("x")).problem is None


def test_a_failure_written_by_an_older_worker_is_read() -> None:
    assert JobFailure.from_json(b'{"code":"internal","detail":"x"}') == JobFailure("internal", "x")
