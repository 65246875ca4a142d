"""A server that records its URL in the file `url` of its folder while it runs, for other commands."""

from abc import abstractmethod
from pathlib import Path

from local.processes.process_folder import running_process, write_private
from local.servers.server import Server


class RecordedServer(Server):
    """A server whose URL can be read with `recorded_url`."""

    @abstractmethod
    def url_to_record(self) -> str:
        """Return the URL, including a password if the server requires one."""

    def start(self) -> None:
        """Start the server, and record its URL.

        Raises:
            ServerFailed: the server did not start; the message ends with the end of its log.
        """
        super().start()
        try:
            write_private(_url_record(self.folder), self.url_to_record())
        except OSError:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server; harmless when it does not run."""
        # If this server could not claim the folder, the file `url` belongs to the server that uses the
        # folder.
        if self.pid is not None:
            _url_record(self.folder).unlink(missing_ok=True)
        super().stop()


def recorded_url(folder: Path) -> str | None:
    """Return the URL of the server that runs in a folder, or None if no server runs there."""
    record = _url_record(folder)
    # The file `url` can remain after the process that started the server was killed.
    return record.read_text() if record.exists() and running_process(folder) is not None else None


def _url_record(folder: Path) -> Path:
    return folder / "url"
