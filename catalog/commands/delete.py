"""Delete albums by their ids."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from catalog.cache_invalidation import invalidating_cached_results
from catalog.commands.command_runner import Call, Outcome
from catalog.writer.open_writer import open_checked_writer
from common.errors import SettingsError
from common.regular_files import read_regular_file

_BATCH = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the ids, and for a file of ids."""
    parser.add_argument("ids", nargs="*", metavar="ID")
    parser.add_argument("--from-file", metavar="FILE", help="a file with one id a line; - is standard input")
    parser.add_argument("--keep-cache", action="store_true", help="do not invalidate cached results in Redis")


def run(call: Call) -> Outcome:
    """Delete the albums and print the given ids that are not in the catalog."""
    ids = [*call.options.ids, *_from_file(call.options.from_file)]
    if not ids:
        raise SettingsError("delete: name ids, or a file of them with --from-file")
    gone: set[str] = set()
    with open_checked_writer(call.settings, call.console) as writer:
        stamp = writer.model_stamp()
        fingerprint = None if stamp is None else stamp.fingerprint
        with invalidating_cached_results(
            call.settings,
            call.console,
            model_fingerprint=fingerprint,
            keep_cache=call.options.keep_cache,
        ):
            for batch in _batches(ids):
                gone |= writer.delete(batch)
    call.console.print(f"{len(gone)} deleted")
    unknown = sorted(set(ids) - gone)
    for album_id in unknown:
        call.console.print(f"no album {album_id}", markup=False)
    return Outcome.FINDINGS if unknown else Outcome.DONE


def _from_file(name: str | None) -> list[str]:
    if name is None:
        return []
    try:
        text = sys.stdin.read() if name == "-" else read_regular_file(Path(name)).decode("utf-8-sig")
    except OSError as error:
        raise SettingsError(f"--from-file {name}: {error.strerror}") from error
    except UnicodeError as error:
        raise SettingsError(f"--from-file {name}: it is not UTF-8 text") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _batches(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH)]
