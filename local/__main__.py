"""Run the whole service on this machine, with a demo catalog, until Ctrl-C."""

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import FrameType

import httpx
import psycopg
from redis.exceptions import RedisError
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from catalog.database.migrations import apply_migrations
from catalog.demo.loading import OtherAlbumsPresent, load_demo
from catalog.ingest_progress import Counts, reported_ingest
from common.catalog.version import new_catalog_version
from common.errors import CoverSearchError, SettingsError
from common.ingest_reports.report import IngestPhase
from common.processes.child_processes import end_with_parent
from common.processes.program_name import command_name, console_script
from common.redis.clients import open_redis
from local.errors import ExampleSearchFailed, OwnAlbumsPresent
from local.example_searches import show_searches, throw_away_key
from local.music import loading_music
from local.options import LocalOptions, own_environment, read_options
from local.phone.access import page_address, show_phone_address
from local.phone.key import phone_key, revoke_left_key
from local.progress_lines import ProgressLines
from local.stack import Stack
from local.state_folder import URL_RECORD, state_errors
from worker.encoder.model_files import find_model

#: The signals that stop the stack; SIGHUP is sent when the terminal is closed.
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """A signal asked this process to stop."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Start the stack, show two example searches, serve until a signal; return the exit status."""
    parser = argparse.ArgumentParser(prog=command_name("local", module="local"), description=__doc__)
    parser.add_argument("--end-with-parent", action="store_true", help="stop when the parent ends (Linux)")
    asked = parser.parse_args(arguments)
    # Paths, log lines and titles are printed literally, including brackets.
    console = Console(markup=False)
    try:
        options = read_options(own_environment())
    except SettingsError as error:
        console.print(error.detail, style="red")
        return 2
    for number in _ENDING:
        # A command started with nohup must continue to ignore SIGHUP.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        if asked.end_with_parent:
            end_with_parent(os.getppid(), death_signal=signal.SIGTERM)
        with state_errors(options.state), Stack(options, report=console.print) as stack:
            try:
                _serve(options, stack, console)
            except Interrupted:
                console.print("stopping …")
            finally:
                _heed_no_signal()
    except (CoverSearchError, httpx.HTTPError) as error:
        # Commands in the message can be copied, because the terminal wraps the line and not `print`.
        console.print(str(error), style="red", highlight=False, soft_wrap=True)
        return 1
    except (BrokenExecutor, psycopg.Error, RedisError) as error:
        # A server was killed during the start; the next `make run` continues where this start failed.
        console.print(f"the start was interrupted: {error}; start it again", style="red", highlight=False)
        return 1
    console.print("stopped")
    return 0


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    # A second Ctrl-C is ignored while the servers are being stopped, because it could leave some of them
    # running.
    _heed_no_signal()
    raise Interrupted


def _heed_no_signal() -> None:
    # The signals get an empty handler instead of SIG_IGN, because child processes would inherit SIG_IGN.
    for number in _ENDING:
        signal.signal(number, lambda _signal, _frame: None)


def _serve(options: LocalOptions, stack: Stack, console: Console) -> None:
    console.print(f"model: {options.settings.clip_model}   state: {options.state}", highlight=False)
    with _progress(console) as progress:
        task = progress.add_task("starting Redis and PostgreSQL", total=None)
        stack.start_servers()
        revoke_left_key(stack.redis_url, state=options.state)
        progress.update(task, description="servers are up", total=1, completed=1)
        if options.embeds_postgres:
            _prepare_catalog(options, stack, progress)
        task = progress.add_task(f"starting the gateway and {options.workers} worker(s)", total=None)
        stack.start_services()
        progress.update(task, description="gateway and workers are ready", total=1, completed=1)
    if options.embeds_postgres and options.demo_albums:
        _show_searches(options, stack, console)
    if options.asks_for_keys:
        create = _command(options, "make key NAME=alice", "keys create alice")
        console.print(f"AUTH={options.settings.auth}: create a key with `{create}`", soft_wrap=True)
    env = _command(options, "make -s env", "env")
    console.print(f'set up the operators\' tools in another terminal: eval "$({env})"', soft_wrap=True)
    with _phone_key(options, stack, console):
        console.print(f"\nserving on {options.url} - open {options.url}/app/ - Ctrl-C stops everything")
        with _loading_music(options, stack):
            stack.keep_running()


def _loading_music(options: LocalOptions, stack: Stack) -> AbstractContextManager[None]:
    if options.music is None:
        return nullcontext()
    return loading_music(options.music, state=options.state, env=stack.tool_environment)


@contextmanager
def _phone_key(options: LocalOptions, stack: Stack, console: Console) -> Iterator[None]:
    """With PHONE=1, print an address with a key that is revoked at the end."""
    if not options.is_for_phones:
        yield
        return
    with phone_key(stack.redis_url, state=options.state) as key:
        show_phone_address(console, page_address(options.public_url, key))
        yield


def _command(options: LocalOptions, make: str, sub_command: str) -> str:
    """Return a command for this service, with the variables that name its state folder."""
    given = {name: options.environ.get(name) for name in ("PORT", "STATE_DIR", "MUSIC")}
    variables = [f"{name}={shlex.quote(value)}" for name, value in given.items() if value]
    script = console_script()
    words = [make, *variables] if script is None else [*variables, script, sub_command]
    return " ".join(words)


def _show_searches(options: LocalOptions, stack: Stack, console: Console) -> None:
    cover = min(options.covers.glob("*.jpg"))
    try:
        with _credentials(options, stack) as headers:
            show_searches(console, url=options.url, cover=cover, headers=headers)
    except (ExampleSearchFailed, httpx.HTTPError, RedisError, OSError) as error:
        # The example searches failed, but the service runs.
        console.print(f"the two searches could not be shown: {error}", style="yellow", highlight=False)


def _credentials(options: LocalOptions, stack: Stack) -> AbstractContextManager[Mapping[str, str]]:
    return throw_away_key(stack.redis_url) if options.asks_for_keys else nullcontext({})


def _prepare_catalog(options: LocalOptions, stack: Stack, progress: Progress) -> None:
    if options.demo_albums:
        loaded = _load_demo(options, stack, progress)
    else:
        if options.covers.is_relative_to(options.state):
            options.covers.mkdir(parents=True, exist_ok=True)
        elif not options.covers.is_dir():
            raise SettingsError(f"COVERS_DIR: {options.covers} is not a folder")
        apply_migrations(stack.postgres_url)
        loaded = False
    # Cached results contain cover URLs, so a changed address invalidates them, just as a new catalog does.
    if loaded or _moved(options.state / URL_RECORD, options.public_url):
        fingerprint = find_model(options.settings.clip_model).fingerprint
        with open_redis(stack.redis_url) as redis:
            new_catalog_version(redis, model_fingerprint=fingerprint)


def _load_demo(options: LocalOptions, stack: Stack, progress: Progress) -> bool:
    task = progress.add_task("demo catalog", total=options.demo_albums)
    lines = ProgressLines(progress.console.print, name="demo catalog", total=options.demo_albums)

    def advance(done: int) -> None:
        progress.advance(task, done)
        reported.advance(done)
        if not progress.console.is_terminal:
            lines.advance(done)

    try:
        with reported_ingest(
            options.settings,
            progress.console,
            name="demo catalog",
            source="demo",
            ingest_id="demo",
            redis_url=stack.redis_url,
            interruptions=(Interrupted,),
        ) as reported:
            reported.begin(IngestPhase.ALBUMS, total=options.demo_albums)
            loaded = load_demo(
                stack.postgres_url,
                count=options.demo_albums,
                covers=options.covers,
                settings=options.settings,
                advance=advance,
            )
            counted = "added" if loaded else "unchanged"
            reported.counts = partial(Counts, **{counted: options.demo_albums})
    except OtherAlbumsPresent as error:
        raise OwnAlbumsPresent(_own_albums_message(options, albums=error.albums)) from error
    progress.update(task, completed=options.demo_albums)
    return loaded


def _own_albums_message(options: LocalOptions, *, albums: int) -> str:
    other = "STATE_DIR" if options.environ.get("STATE_DIR") else "PORT"
    reset = _command(options, "make reset", "reset")
    return (
        f"the catalog in {options.state} contains {albums} album(s) that do not belong to the demo, so the "
        "demo was not loaded and nothing was deleted: keep these albums with DEMO_ALBUMS=0, load the demo "
        f"with another {other}, or delete all albums of this catalog with `{reset}`"
    )


def _moved(record: Path, url: str) -> bool:
    before = record.read_text() if record.exists() else None
    record.write_text(url)
    return before != url


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    )


if __name__ == "__main__":
    sys.exit(main())
