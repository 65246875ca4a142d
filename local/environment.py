"""Prints the settings with which the operators' tools use the service that runs on this machine.

A shell reads the output: `eval "$(make -s env)"` or `eval "$(cover-search env)"`. The output contains the
database's password.
"""

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence

from common.errors import CoverSearchError
from common.program_name import command_name
from local.errors import NoLocalService
from local.options import own_environment, read_options
from local.servers.url_record import recorded_url
from local.state_folder import state_errors

_ABOUT = """Print shell commands that set DATABASE_URL, REDIS_URL, CLIP_MODEL and MODEL_CACHE_DIR to those of
the service that runs on this machine. The printed DATABASE_URL contains the database's password."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the settings and return the exit status: 1 if no service runs from the state folder."""
    name = command_name("env", module="local.environment")
    argparse.ArgumentParser(prog=name, description=_ABOUT).parse_args(arguments)
    try:
        for setting, value in tool_settings(own_environment()).items():
            sys.stdout.write(f"export {setting}={shlex.quote(value)}\n")
    except CoverSearchError as error:
        sys.stderr.write(f"env: {error.detail}\n")
        return 1
    return 0


def tool_settings(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the settings of the running service; a server that `environ` names by URL is left out.

    Raises:
        NoLocalService: no service runs from the state folder.
        SettingsError: a variable is malformed.
        StateFolderUnusable: the record of a server cannot be read.
    """
    options = read_options(environ)
    servers = {
        "REDIS_URL": options.redis_folder if options.embeds_redis else None,
        "DATABASE_URL": options.postgres_folder if options.embeds_postgres else None,
    }
    found: dict[str, str] = {}
    for setting, folder in servers.items():
        if folder is None:
            continue
        with state_errors(options.state):
            url = recorded_url(folder)
        if url is None:
            raise NoLocalService.in_folder(options.state)
        found[setting] = url
    return found | {
        "CLIP_MODEL": str(options.model),
        "MODEL_CACHE_DIR": str(options.settings.model_cache_dir.expanduser().absolute()),
    }


if __name__ == "__main__":
    sys.exit(main())
