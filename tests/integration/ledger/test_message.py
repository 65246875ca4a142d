"""The message that the ledger's Lua scripts push equals the message that Celery would send."""

from typing import Any

import orjson
import pytest
from redis import Redis

from common.broker.celery_app import (
    DELIVERY_TAG_MARK,
    QUEUE_MARK,
    RUN_ID_MARK,
    TASK_NAME,
    make_celery,
    message_template,
)
from common.redis import keyspace
from common.settings import load_settings
from local.servers.redis import RedisServer

#: Fields that are not compared: they differ between any two messages, or name an unused reply queue.
VARYING = {"delivery_tag", "origin", "reply_to"}


@pytest.mark.parametrize("queue", keyspace.SEARCH_QUEUES)
def test_the_template_equals_a_message_of_celery(queue: str, redis: Redis, redis_server: RedisServer) -> None:
    app = make_celery(load_settings({"REDIS_URL": redis_server.url}))

    app.send_task(TASK_NAME, task_id=RUN_ID_MARK, ignore_result=True, queue=queue)
    (sent,) = redis.lrange(queue, 0, -1)
    app.close()

    template = message_template(app).replace(QUEUE_MARK, queue)
    assert _fixed(orjson.loads(template)) == _fixed(orjson.loads(sent))


def test_the_template_has_placeholders_for_the_ids() -> None:
    template = message_template(make_celery(load_settings({})))
    message = orjson.loads(template)

    assert message["headers"]["id"] == RUN_ID_MARK
    assert message["properties"]["correlation_id"] == RUN_ID_MARK
    assert message["properties"]["delivery_tag"] == DELIVERY_TAG_MARK
    assert message["properties"]["delivery_info"]["routing_key"] == QUEUE_MARK


def _fixed(message: Any) -> Any:
    if isinstance(message, dict):
        # Celery treats an absent field and an empty field in the same way.
        return {k: _fixed(v) for k, v in message.items() if k not in VARYING and v not in (None, "")}
    return message
