"""Reads the tags of many files, in several processes if there are enough files."""

import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from itertools import chain, islice
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple, Self

from catalog.ingest.music.grouping import album_folder
from catalog.ingest.music.tag_reader import Kind, ReadFile, fault_outcome, outcomes, read_file, receive, send
from catalog.ingest.pipeline_stages import in_order
from catalog.ingest.rejection import Rejected
from common.processes.child_processes import module_command, sigint_blocked_in_children

#: The number of files that one request names. Only folders with more than `_FOLDER_MAX` files are divided.
_CHUNK, _FOLDER_MAX = 100, 500
#: With fewer requests for each process, starting a process takes longer than reading the files.
_CHUNKS_PER_PROCESS_MIN = 10
_END_TIMEOUT_S = 5.0


def read_files(root: Path, folders: Iterable[Sequence[str]]) -> Iterator[list[ReadFile]]:
    """Yield what was read from the files of folders, in lists.

    A file that was removed has neither tags nor a fault. The tracks of a very large folder, or of the folder
    of a disc, have no keys.
    """
    chunks = _chunks(folders)
    first = list(islice(chunks, (os.cpu_count() or 1) * _CHUNKS_PER_PROCESS_MIN))
    processes = min(os.cpu_count() or 1, len(first) // _CHUNKS_PER_PROCESS_MIN)
    with ExitStack() as stack:
        if processes > 1:
            read = stack.enter_context(TagReaders(root, processes)).read
        else:
            read = _InThisProcess(root).read
        threads: Executor = stack.enter_context(ThreadPoolExecutor(max(processes, 1)))
        for done in in_order(threads, read, chain(first, chunks), ahead=2 * max(processes, 1)):
            assert not isinstance(done, Rejected)  # noqa: S101 - reading rejects nothing
            yield done


class Chunk(NamedTuple):
    """The files of one request."""

    paths: Sequence[str]
    #: Whether the request names all unread files of each folder, so that their tracks can be grouped.
    is_whole: bool = True


def _chunks(folders: Iterable[Sequence[str]]) -> Iterator[Chunk]:
    paths: list[str] = []
    for folder in folders:
        if len(folder) > _FOLDER_MAX:
            yield from (
                Chunk(folder[at : at + _CHUNK], is_whole=False) for at in range(0, len(folder), _CHUNK)
            )
            continue
        paths += folder
        if len(paths) >= _CHUNK:
            yield Chunk(paths)
            paths = []
    if paths:
        yield Chunk(paths)


def _files(chunk: Chunk, outcomes_of_chunk: Iterable[bytes]) -> list[ReadFile]:
    read = [read_file(*pair) for pair in zip(chunk.paths, outcomes_of_chunk, strict=True)]
    return [
        one if chunk.is_whole and _is_in_album_folder(one.path) else one._replace(key=None) for one in read
    ]


def _is_in_album_folder(path: str) -> bool:
    """Return False for a track in the folder of a disc, whose album also has tracks in other folders."""
    folder = path.rpartition("/")[0]
    return album_folder(path) == folder


class _InThisProcess:
    """Reads tags in this process."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)

    def read(self, chunk: Chunk) -> list[ReadFile]:
        return _files(chunk, outcomes(self._root, chunk.paths))


class TagReaders:
    """Child processes that read tags; a process that ends is started again."""

    def __init__(self, root: Path, processes: int) -> None:
        self._root = os.fsencode(root)
        self._processes = processes
        self._idle: SimpleQueue[_TagReader] = SimpleQueue()
        self._all: set[_TagReader] = set()

    def __enter__(self) -> Self:
        for _ in range(self._processes):
            self._idle.put(self._started())
        return self

    def __exit__(self, *_: object) -> None:
        for reader in self._all:
            reader.end()

    @property
    def pids(self) -> list[int]:
        return [reader.pid for reader in self._all]

    def read(self, chunk: Chunk) -> list[ReadFile]:
        """Read the tags of files; several threads may call this method at the same time."""
        try:
            return _files(chunk, self._ask(chunk.paths))
        except (EOFError, BrokenPipeError):
            # A process has ended. The files are read one by one, to find the file that ended the process.
            alone = chain.from_iterable(map(self._read_alone, chunk.paths))
            return _files(chunk._replace(is_whole=False), alone)

    def _read_alone(self, path: str) -> list[bytes]:
        # The first process may have ended for another reason.
        for _ in range(2):
            with suppress(EOFError, BrokenPipeError):
                return self._ask([path])
        return [fault_outcome(Kind.FAULT_NOW, "the process that read the file ended")]

    def _ask(self, paths: Sequence[str]) -> list[bytes]:
        reader = self._idle.get()
        try:
            if reader.ended:
                reader = self._replacement(reader)
            return reader.ask([self._root, *map(os.fsencode, paths)])
        except (EOFError, BrokenPipeError):
            reader = self._replacement(reader)
            raise
        finally:
            self._idle.put(reader)

    def _started(self) -> "_TagReader":
        reader = _TagReader()
        self._all.add(reader)
        return reader

    def _replacement(self, ended: "_TagReader") -> "_TagReader":
        self._all.discard(ended)
        ended.end()
        return self._started()


class _TagReader:
    """One child process."""

    def __init__(self) -> None:
        # Not a pool of `multiprocessing`, whose processes import the main module of this one, which takes a
        # second of CPU time for each process.
        with sigint_blocked_in_children():
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                module_command("catalog.ingest.music.tag_reader"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def ask(self, request: Sequence[bytes]) -> list[bytes]:
        """Send a request and return the reply.

        Raises:
            EOFError: the process ended.
            BrokenPipeError: the process ended.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None  # noqa: S101 - opened as a pipe
        assert stdout is not None  # noqa: S101 - opened as a pipe
        send(stdin, request)
        return receive(stdout)

    def end(self) -> None:
        """Close the streams, which ends an idle process; kill the process if it does not end."""
        with self._process:
            try:
                self._process.communicate(timeout=_END_TIMEOUT_S)
            except (BrokenPipeError, subprocess.TimeoutExpired):
                self._process.kill()
