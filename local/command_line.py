"""The command `cover-search`: each sub-command runs a module, as `python -m` does."""

import os
import runpy
import sys
from dataclasses import dataclass
from types import MappingProxyType

#: The top-level packages of this project.
_OWN = frozenset({"api", "worker", "common", "catalog", "training", "local", "models"})


@dataclass(frozen=True, slots=True)
class SubCommand:
    """The module that a sub-command runs, and the wheel's extra with the module's dependencies."""

    module: str
    extra: str


COMMANDS = MappingProxyType(
    {
        "api": SubCommand("api", "api"),
        "worker": SubCommand("worker", "worker"),
        "catalog": SubCommand("catalog", "catalog"),
        "training": SubCommand("training", "torch"),
        "keys": SubCommand("local.running_service.api_keys", "local"),
        "local": SubCommand("local", "local"),
        "env": SubCommand("local.running_service.environment", "local"),
        "reset": SubCommand("local.reset", "local"),
    }
)
#: Manages the API keys in the Redis at REDIS_URL; `keys` above looks for a local service first.
_REMOTE_KEYS = SubCommand("api.keys", "api")
_USAGE = f"usage: cover-search {{{','.join(COMMANDS)}}} …\n"


def main() -> int:
    """Run the sub-command that the first argument names; return 2 if there is no such sub-command."""
    # This command does not import modules from the working directory. PYTHONSAFEPATH=1 extends this to the
    # Python processes that the command starts, such as those of `multiprocessing`, which would otherwise fail
    # if the working directory contains, for example, a `json.py`.
    os.environ["PYTHONSAFEPATH"] = "1"
    match sys.argv[1:]:
        case [name, *rest] if name in COMMANDS:
            sys.argv = [f"cover-search {name}", *rest]
            _run(_REMOTE_KEYS if name == "keys" and os.environ.get("REDIS_URL") else COMMANDS[name])
            return 0
        case ["-h" | "--help"]:
            sys.stdout.write(_USAGE)
            return 0
    sys.stderr.write(_USAGE)
    return 2


def _run(command: SubCommand) -> None:
    try:
        runpy.run_module(command.module, run_name="__main__", alter_sys=True)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in _OWN:
            raise
        sys.exit(f"{sys.argv[0]}: {package} is not installed: pip install 'cover-search[{command.extra}]'")
