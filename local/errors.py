"""Errors of `make run`, which runs the whole service on one machine.

CoverSearchError
├── ServerFailed           a child process did not start, or its folder is in use
├── StateFolderUnusable    a file or folder of the state cannot be read or written
└── ExampleSearchFailed    one of the two example searches after the start got no result
"""

from common.errors import CoverSearchError


class ServerFailed(CoverSearchError):
    """A server did not start, or its folder is in use."""

    code = "server_failed"


class StateFolderUnusable(CoverSearchError):
    """The state folder, or a file or folder in it, cannot be read or written."""


class ExampleSearchFailed(CoverSearchError):
    """An example search got no result."""

    code = "example_search_failed"
