"""What a fault did in several ways is one outcome that hides none of them."""

from dataclasses import replace

from benchmarks.faults.outcome import Outcome, joined

FINE = Outcome(
    name="catalog down",
    accepted=60,
    lost=0,
    unfinished=0,
    extra_results=0,
    recovery_s=0.5,
    broken=(),
    slow=(),
    note="30 succeeded",
)


def test_what_one_way_loses_is_lost_by_the_whole() -> None:
    worse = replace(FINE, lost=2, recovery_s=9.0, broken=("the breaker opens",))

    whole = joined("catalog down", {"psycopg": FINE, "PostgREST": worse})

    assert (whole.accepted, whole.lost, whole.recovery_s) == (120, 2, 9.0)
    assert whole.broken == ("PostgREST: the breaker opens",)
    assert not whole.met


def test_a_note_says_which_way_it_is_of() -> None:
    whole = joined("catalog down", {"psycopg": FINE, "PostgREST": replace(FINE, note="29 succeeded")})

    assert whole.met
    assert whole.note == "psycopg: 30 succeeded; PostgREST: 29 succeeded"


def test_a_fault_that_nothing_recovers_from_has_no_time_of_recovery() -> None:
    assert joined("bomb", {"only": replace(FINE, recovery_s=None)}).recovery_s is None
