"""A worker looks into the queues of searches in turn, and into other queues afterwards."""

from common.broker.kombu_transport import SearchesInTurn
from common.redis import keyspace

FIRST, SECOND = keyspace.SEARCH_QUEUES


def order_after(*used: str) -> list[str]:
    """Return the order of the queues after messages were taken from these queues."""
    order = SearchesInTurn()
    order.update([FIRST, SECOND, keyspace.BULK])
    for queue in used:
        order.rotate(queue)
    return list(order.consume(3))


def test_a_queue_of_searches_is_last_among_the_searches_after_its_turn() -> None:
    assert order_after() == [FIRST, SECOND, keyspace.BULK]
    assert order_after(FIRST) == [SECOND, FIRST, keyspace.BULK]
    assert order_after(FIRST, FIRST) == [SECOND, FIRST, keyspace.BULK]
    assert order_after(FIRST, SECOND) == [FIRST, SECOND, keyspace.BULK]


def test_searches_have_priority_over_bulk_embedding_after_any_message() -> None:
    assert order_after(FIRST, keyspace.BULK) == [SECOND, FIRST, keyspace.BULK]
    assert order_after(keyspace.BULK) == [FIRST, SECOND, keyspace.BULK]
