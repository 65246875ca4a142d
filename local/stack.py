"""Starts and stops the processes of the whole service on one machine.

    Redis, PostgreSQL ──► schema, demo catalog ──► workers, gateway

A catalog whose URL is set is used unchanged: no schema is applied and no demo is loaded.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from types import TracebackType
from typing import Self

from local.errors import PortUnusable, ServerFailed
from local.gateway_and_worker import GATEWAY, Service, gateway_service, worker_service
from local.options import LocalOptions
from local.port_check import check_port
from local.processes.child_process import ChildProcess
from local.processes.child_process_folder import running_process
from local.processes.supervisor import Supervisor
from local.running_service.recorded_settings import forget_tool_settings, record_tool_settings
from local.servers.postgres import PostgresConfig, PostgresServer
from local.servers.redis import RedisConfig, RedisServer

#: The maximum seconds for a worker's start, long enough for the first export of a large model.
WORKER_START_S = 600.0
GATEWAY_START_S = 30.0


class Stack:
    """Starts the servers and services that the options require, and stops them in the reverse order."""

    def __init__(self, options: LocalOptions, *, report: Callable[[str], None]) -> None:
        self._options = options
        self._redis: RedisServer | None = None
        self._postgres: PostgresServer | None = None
        self._services: list[Service] = []
        self._is_recorded = False
        self._supervisor = Supervisor(report, on_given_up=self._cancel_starts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def redis_url(self) -> str:
        if self._redis is not None:
            return self._redis.url
        return self._options.settings.redis_url.get_secret_value()

    @property
    def postgres_url(self) -> str:
        """Return the URL of the embedded database."""
        if self._postgres is None:
            raise ServerFailed("the embedded PostgreSQL is not part of this stack")
        return self._postgres.url()

    @property
    def tool_environment(self) -> Mapping[str, str]:
        """Return the environment variables with which the operators' tools use this stack."""
        return self._service_environment()

    def start_servers(self) -> None:
        """Start the embedded Redis and PostgreSQL, each unless a setting gives another server's URL.

        Raises:
            PortUnusable: the gateway could not listen on its port later.
            ServerFailed: a server does not start, or another stack uses the state folder.
        """
        state = self._options.state
        state.mkdir(parents=True, exist_ok=True)
        try:
            check_port(self._options.settings.host, self._options.settings.port)
        except PortUnusable:
            # If a gateway of this state folder runs, either it belongs to another stack, and then starting
            # the servers fails, or it remained from a killed start, and then `start_services` ends it.
            if running_process(state / GATEWAY) is None:
                raise
        if self._options.embeds_redis:
            self._redis = RedisServer(RedisConfig(folder=self._options.redis_folder))
        if self._options.embeds_postgres:
            self._postgres = PostgresServer(PostgresConfig(folder=self._options.postgres_folder))
        servers = [server for server in (self._redis, self._postgres) if server is not None]
        _start_together(servers)
        self._supervisor.watch(servers)

    def start_services(self) -> None:
        """Start the gateway and the workers together, and wait until all are ready."""
        state, env = self._options.state, self._service_environment()
        self._services = [
            gateway_service(state, env, url=self._options.url, timeout_s=GATEWAY_START_S),
            *(
                worker_service(state, env, name=f"worker-{number}", timeout_s=WORKER_START_S)
                for number in range(1, self._options.workers + 1)
            ),
        ]
        try:
            _start_together(self._services)
        except ServerFailed:
            # If the supervisor canceled these starts because a server had ended too often, report that
            # server's error.
            self._supervisor.require_all()
            raise
        self._supervisor.watch(self._services)
        record_tool_settings(state, env)
        self._is_recorded = True

    def keep_running(self) -> None:
        """Restart each process that ends; return only when a process has ended too often.

        Raises:
            ServerFailed: a process ended too often.
        """
        self._supervisor.wait()

    def stop(self) -> None:
        """Stop all started processes; harmless when none was started."""
        self._supervisor.stop()
        if self._services:
            with ThreadPoolExecutor(len(self._services)) as threads:
                list(threads.map(Service.stop, self._services))
        for server in (self._postgres, self._redis):
            if server is not None:
                server.stop()
        # The record is removed last, so that all processes are stopped even if it cannot be removed.
        if self._is_recorded:
            forget_tool_settings(self._options.state)

    def _cancel_starts(self) -> None:
        for service in self._services:
            service.cancel_start()

    def _service_environment(self) -> Mapping[str, str]:
        env = {**self._options.environ, "REDIS_URL": self.redis_url}
        env["CLIP_MODEL"] = str(self._options.model)
        env["MODEL_CACHE_DIR"] = str(self._options.settings.model_cache_dir.expanduser().absolute())
        if self._postgres is not None:
            env["DATABASE_URL"] = self.postgres_url
            env["COVERS_DIR"] = str(self._options.covers)
            env.setdefault("PUBLIC_URL", self._options.url)
        return env


def _start_together(parts: Sequence[ChildProcess]) -> None:
    """Start processes and wait until all are ready; if one fails, cancel all other starts.

    Even a single process is started in its own thread. In the main thread, a signal could raise an exception
    between the start of a process and the recording of its id.
    """
    threads = ThreadPoolExecutor(max(1, len(parts)))
    try:
        for started in as_completed([threads.submit(part.start) for part in parts]):
            started.result()
    except BaseException:
        for part in parts:
            part.cancel_start()
        raise
    finally:
        threads.shutdown()
