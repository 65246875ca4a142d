"""The Celery app, its settings, and the message that carries a run id to a worker.

The gateway does not publish through kombu: the ledger's scripts push the message in the same atomic
step that writes the run (docs/decisions/0001). `message_template` builds the message with Celery's own
functions, and a test compares the result with a message that Celery publishes.
"""

import base64
from typing import Any

import orjson
from celery import Celery
from kombu.serialization import dumps

from common.redis import keyspace
from common.settings import Settings

TASK_NAME = "search"
#: The task that embeds a batch of covers for an ingest.
BULK_TASK_NAME = "embed"

#: A placeholder in the message template; the ledger's scripts replace it with the run id, which is also the
#: Celery task id.
RUN_ID_MARK = "{run_id}"
DELIVERY_TAG_MARK = "{delivery_tag}"
#: kombu puts a message that it restores into the queue that the message names.
QUEUE_MARK = "{queue}"


def make_celery(settings: Settings) -> Celery:
    """Return the Celery app of this service; docs/faults.md gives the reason for each setting."""
    app = Celery("cover-search", broker=settings.redis_url.get_secret_value(), set_as_current=False)
    app.conf.update(
        broker_transport="common.broker.kombu_transport:Transport",
        task_default_queue=keyspace.QUEUE,
        task_acks_late=True,
        task_acks_on_failure_or_timeout=True,
        task_reject_on_worker_lost=False,
        # Celery stores no results: the ledger stores them, and Celery's AsyncResult can deadlock in `__del__`
        # (celery issue 10477).
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        # Cancelling tasks when the connection is lost would crash the thread pool of Celery 5.6.3.
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        # By default, a Celery worker exits after 100 failed attempts to connect to the broker.
        broker_connection_max_retries=None,
        broker_channel_error_retry=True,
        broker_transport_options={
            "queue_order_strategy": "common.broker.kombu_transport:SearchesInTurn",
            # The ledger requeues the runs of a killed worker, so kombu need not redeliver messages. kombu
            # would redeliver a message only after the run's deadline, and its bookkeeping would cost a worker
            # two round trips per job and a fifth of its CPU time (decisions/0006).
            "ack_emulation": False,
            # With a socket timeout, an idle worker detects a half-open connection within 6 s; without the
            # timeout, a half-open connection is still undetected after 125 s.
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            "socket_keepalive": True,
            "health_check_interval": 5,
            # After a timeout redis-py must not send an LPUSH again, because Redis may have run it.
            "retry_on_timeout": False,
        },
    )
    return app


def message_template(app: Celery) -> str:
    """Return the message of one run, with placeholders for the run id, the delivery tag and the queue."""
    task = app.amqp.as_task_v2(RUN_ID_MARK, TASK_NAME, args=(), kwargs={}, ignore_result=True)
    content_type, content_encoding, body = dumps(task.body, serializer="json")
    message: dict[str, Any] = {
        "body": base64.b64encode(body.encode()).decode(),
        "content-encoding": content_encoding,
        "content-type": content_type,
        "headers": task.headers,
        "properties": {
            **task.properties,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": QUEUE_MARK},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": DELIVERY_TAG_MARK,
        },
    }
    return orjson.dumps(message).decode()
