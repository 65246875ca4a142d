"""Errors of the package `local`, which runs the whole service on one machine.

CoverSearchError
├── NoLocalService         no service runs from the state folder
├── ServerFailed           a child process did not start, or its folder is in use
├── OwnAlbumsPresent       the catalog contains albums that loading the demo would delete
├── PortUnusable           the gateway cannot listen on its port
├── StateFolderUnusable    a file or folder of the state cannot be read or written
└── ExampleSearchFailed    one of the two example searches after the start got no result
"""

from pathlib import Path
from typing import Self

from common.errors import CoverSearchError
from common.processes.program_name import console_script


class NoLocalService(CoverSearchError):
    """No service runs from the state folder."""

    @classmethod
    def in_folder(cls, state: Path) -> Self:
        """Return the error for a state folder, with a remedy."""
        start = "make run" if console_script() is None else f"{console_script()} local"
        return cls(
            f"no service runs from {state}: start it ({start}), or set PORT or STATE_DIR to those of a "
            "running service"
        )


class ServerFailed(CoverSearchError):
    """A server did not start, or its folder is in use."""

    code = "server_failed"


class OwnAlbumsPresent(CoverSearchError):
    """The catalog contains albums that do not belong to the demo, and the demo should be loaded."""


class PortUnusable(CoverSearchError):
    """The gateway cannot listen on its port, for example because another program uses it."""


class StateFolderUnusable(CoverSearchError):
    """The state folder, or a file or folder in it, cannot be read or written."""


class ExampleSearchFailed(CoverSearchError):
    """An example search got no result."""

    code = "example_search_failed"
