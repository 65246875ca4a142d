"""Manages the API keys of the service on this machine, for `make key` and `cover-search keys`.

API keys are stored in the Redis at REDIS_URL. If REDIS_URL is not set, they are stored in the embedded Redis
of the running `make run` with the same STATE_DIR and PORT.
"""

import sys
from collections.abc import Mapping, Sequence

from api.keys.__main__ import main as manage_keys
from common.errors import CoverSearchError
from local.errors import NoLocalService
from local.options import own_environment
from local.servers.redis import recorded_url
from local.state_folder import redis_folder, state_errors, state_folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Create, list or revoke keys in the running service; return the exit status."""
    try:
        environ = with_running_redis(own_environment())
    except CoverSearchError as error:
        sys.stderr.write(f"keys: {error.detail}\n")
        return 1
    given = sys.argv[1:] if arguments is None else arguments
    if not environ.get("REDIS_URL") and not {"-h", "--help"}.intersection(given):
        sys.stderr.write(
            f"keys: {NoLocalService.in_folder(state_folder(environ)).detail}, or set REDIS_URL\n"
        )
        return 1
    return manage_keys(arguments, environ=environ, module="local.running_service.api_keys")


def with_running_redis(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment; if it has no REDIS_URL, add the URL of the running embedded Redis.

    Raises:
        SettingsError: STATE_DIR names no folder.
        StateFolderUnusable: the file that records the embedded Redis's URL cannot be read.
    """
    if environ.get("REDIS_URL"):
        return environ
    state = state_folder(environ)
    with state_errors(state):
        running = recorded_url(redis_folder(state))
    return environ if running is None else {**environ, "REDIS_URL": running}


if __name__ == "__main__":
    sys.exit(main())
