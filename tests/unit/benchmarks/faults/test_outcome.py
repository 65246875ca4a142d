"""The outcomes of a fault's variants are joined into one outcome that shows every failure."""

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


def test_joined_outcomes_add_up_their_losses() -> None:
    worse = replace(FINE, lost=2, recovery_s=9.0, broken=("the breaker opens",))

    whole = joined("catalog down", {"psycopg": FINE, "PostgREST": worse})

    assert (whole.accepted, whole.lost, whole.recovery_s) == (120, 2, 9.0)
    assert whole.broken == ("PostgREST: the breaker opens",)
    assert not whole.met


def test_a_joined_note_names_its_variant() -> None:
    whole = joined("catalog down", {"psycopg": FINE, "PostgREST": replace(FINE, note="29 succeeded")})

    assert whole.met
    assert whole.note == "psycopg: 30 succeeded; PostgREST: 29 succeeded"


def test_a_fault_without_recovery_has_no_recovery_time() -> None:
    assert joined("bomb", {"only": replace(FINE, recovery_s=None)}).recovery_s is None
