"""All request bodies of a process share one memory budget."""

import pytest

from api.http.request_bodies.body_budget import BodyBudget
from common.errors import QueueFull


def test_bodies_share_one_budget_and_refused_bytes_do_not_count() -> None:
    receiving = BodyBudget(max_bytes=100)
    with receiving.body() as one, receiving.body() as other:
        one.hold(60)

        with pytest.raises(QueueFull) as refused:
            other.hold(41)
        other.hold(40)

        assert receiving.held_bytes == 100
        assert refused.value.retry_after_s >= 1


def test_a_declared_length_over_the_budget_is_refused_and_does_not_count() -> None:
    receiving = BodyBudget(max_bytes=100)
    with receiving.body() as body:
        body.expect(100)

        with pytest.raises(QueueFull):
            body.expect(101)

        assert receiving.held_bytes == 0


def test_a_body_returns_its_budget_when_its_request_fails() -> None:
    receiving = BodyBudget(max_bytes=100)

    def end_badly() -> None:
        with receiving.body() as body:
            body.hold(60)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        end_badly()

    assert receiving.held_bytes == 0


def test_an_early_release_returns_the_budget_only_once() -> None:
    receiving = BodyBudget(max_bytes=100)
    with receiving.body() as other, receiving.body() as body:
        other.hold(10)
        body.hold(60)
        body.buffer += b"x" * 60
        body.images = (("ab", b"x"),)

        body.release()

        kept = [bytes(body.buffer), *body.images]
        assert kept == [b""]
        assert receiving.held_bytes == 10
