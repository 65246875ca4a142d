"""File-system errors in the state folder are reported as one sentence; other errors are not hidden."""

import errno
import os
from pathlib import Path

import pytest

from local.errors import StateFolderUnusable
from local.state_folder import state_errors

STATE = Path("/srv/state")


def failed(number: int, path: str | None = None) -> OSError:
    return (
        OSError(number, os.strerror(number)) if path is None else OSError(number, os.strerror(number), path)
    )


@pytest.mark.parametrize(
    ("error", "path"),
    [
        (failed(errno.EACCES, "/srv/state/covers/1.part"), "/srv/state/covers/1.part"),
        (failed(errno.EROFS, "/srv/state"), "/srv/state"),
        # A full disk causes an error in a write, and this error does not contain the file's name.
        (failed(errno.ENOSPC), "/srv/state"),
        (failed(errno.EDQUOT), "/srv/state"),
    ],
)
def test_an_error_in_the_state_folder_names_it(error: OSError, path: str) -> None:
    with pytest.raises(StateFolderUnusable) as raised, state_errors(STATE):
        raise error

    assert raised.value.detail.startswith(f"the state folder cannot be used: {path}: {error.strerror}; ")


@pytest.mark.parametrize(
    "error",
    [failed(errno.EACCES, "/etc/passwd"), failed(errno.ECONNREFUSED), failed(errno.ENOENT, "heif-enc")],
)
def test_an_error_elsewhere_is_raised_as_it_is(error: OSError) -> None:
    with pytest.raises(OSError, match=error.strerror) as raised, state_errors(STATE):
        raise error

    assert raised.value is error
