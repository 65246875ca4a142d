"""Manages the API keys of the service on this machine: `make key`, `make keys`, `make revoke-key`.

API keys are stored in the Redis at REDIS_URL, by default in the embedded Redis of a running `make run`
that has the same STATE_DIR and PORT.
"""

import sys
from collections.abc import Mapping, Sequence

from api.keys.__main__ import main as manage_keys
from local.options import own_environment, redis_folder, state_folder
from local.servers.redis import recorded_url


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `python -m api.keys` with these arguments; return the exit status."""
    environ = with_running_redis(own_environment())
    if not environ.get("REDIS_URL"):
        sys.stderr.write(
            f"keys: no `make run` runs from {state_folder(environ)}: start it, name the PORT or STATE_DIR of "
            "one that runs, or set REDIS_URL\n"
        )
        return 1
    return manage_keys(arguments, environ=environ)


def with_running_redis(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment with REDIS_URL set to the running embedded Redis, unless it is already set."""
    running = recorded_url(redis_folder(state_folder(environ)))
    return environ if environ.get("REDIS_URL") or running is None else {**environ, "REDIS_URL": running}


if __name__ == "__main__":
    sys.exit(main())
