"""Prints the settings with which the operators' tools use the service that runs on this machine.

A shell reads the output: `eval "$(make -s env)"` or `eval "$(cover-search env)"`. The output contains the
database's password.
"""

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence

from common.errors import CoverSearchError
from common.processes.program_name import command_name
from local.errors import NoLocalService
from local.options import own_environment
from local.running_service.recorded_settings import recorded_tool_settings
from local.state_folder import state_errors, state_folder

_ABOUT = """Print shell commands that set DATABASE_URL, REDIS_URL, CLIP_MODEL and other settings to those of
the service that runs on this machine. The printed DATABASE_URL contains the database's password."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the settings and return the exit status: 1 if no service runs from the state folder."""
    name = command_name("env", module="local.running_service.environment")
    argparse.ArgumentParser(prog=name, description=_ABOUT).parse_args(arguments)
    try:
        for setting, value in tool_settings(own_environment()).items():
            sys.stdout.write(f"export {setting}={shlex.quote(value)}\n")
    except CoverSearchError as error:
        sys.stderr.write(f"env: {error.detail}\n")
        return 1
    return 0


def tool_settings(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the settings that the running service recorded.

    Raises:
        NoLocalService: no service runs from the state folder.
        SettingsError: STATE_DIR names no folder.
        StateFolderUnusable: the record cannot be read.
    """
    state = state_folder(environ)
    with state_errors(state):
        settings = recorded_tool_settings(state)
    if settings is None:
        raise NoLocalService.in_folder(state)
    return settings


if __name__ == "__main__":
    sys.exit(main())
