"""The state folder of `make run`: its path, and the error message if the folder cannot be used."""

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from common.errors import SettingsError
from common.settings import Settings
from local.errors import StateFolderUnusable

#: The default state folder, in the working directory.
DEFAULT_STATE = ".state"
#: The state folder of a stack with a folder of music, in the state folder of its port.
MUSIC_STATE = "music"
DEFAULT_PORT = str(Settings.model_fields["port"].default)
#: The file of the state folder that contains the URL of the last start.
URL_RECORD = "url"
#: The file of the state folder that contains the settings for the operators' tools while the service runs.
TOOL_SETTINGS = "tools.json"
#: Errors that do not name the file that could not be written; the file must be in the state folder, because
#: no other folder is written to.
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO})


def state_folder(environ: Mapping[str, str]) -> Path:
    """Return STATE_DIR, by default a separate folder for each port, so that several stacks can run.

    A folder of music has a catalog of its own, whose default folder is `music` in the folder of the port.

    Raises:
        SettingsError: the current folder has been removed, or the path begins with an unknown user.
    """
    given, port = environ.get("STATE_DIR"), environ.get("PORT") or DEFAULT_PORT
    of_port = DEFAULT_STATE if port == DEFAULT_PORT else f"{DEFAULT_STATE}/port-{port}"
    return _absolute(given or (f"{of_port}/{MUSIC_STATE}" if environ.get("MUSIC") else of_port))


def shared_folder(environ: Mapping[str, str]) -> Path:
    """Return STATE_DIR or, by default, the folder that all local stacks share, whatever their ports.

    Raises:
        SettingsError: as `state_folder`.
    """
    return _absolute(environ.get("STATE_DIR") or DEFAULT_STATE)


def redis_folder(state: Path) -> Path:
    """Return the folder of a stack's embedded Redis."""
    return state / "redis"


@contextmanager
def state_errors(state: Path) -> Iterator[None]:
    """Turn errors about files in the state folder into a one-sentence error message.

    Raises:
        StateFolderUnusable: the `with` block could not read or write a file in the state folder.
    """
    try:
        yield
    except OSError as error:
        path = Path(str(error.filename or state))
        is_named = error.filename is not None or error.errno in _NO_ROOM
        if not (is_named and path.is_relative_to(state)):
            raise
        raise StateFolderUnusable(
            f"the state folder cannot be used: {path}: {error.strerror}; "
            "set STATE_DIR to a folder that you can write to"
        ) from error


def _absolute(path: str) -> Path:
    try:
        return Path.cwd() / Path(path).expanduser()
    except RuntimeError as error:
        raise SettingsError(f"STATE_DIR: {path} begins with an unknown user: set an absolute path") from error
    except FileNotFoundError as error:
        raise SettingsError(
            f"STATE_DIR: {path} cannot be used, because the current folder has been removed: "
            "change to another folder"
        ) from error
