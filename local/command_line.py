"""The command `cover-search`: each sub-command runs a module, as `python -m` does."""

import os
import runpy
import sys
from types import MappingProxyType

COMMANDS = MappingProxyType(
    {
        "api": "api",
        "worker": "worker",
        "catalog": "catalog",
        "training": "training",
        "keys": "api.keys",
        "local": "local",
    }
)
_USAGE = f"usage: cover-search {{{','.join(COMMANDS)}}} …\n"


def main() -> int:
    """Run the sub-command that the first argument names; return 2 if it names none."""
    # Python does not search the working directory for the modules of this command. The same must hold for
    # the Python processes that it starts, such as those of `multiprocessing`: a `json.py` there breaks them.
    os.environ["PYTHONSAFEPATH"] = "1"
    match sys.argv[1:]:
        case [name, *rest] if name in COMMANDS:
            sys.argv = [f"cover-search {name}", *rest]
            runpy.run_module(COMMANDS[name], run_name="__main__", alter_sys=True)
            return 0
        case ["-h" | "--help"]:
            sys.stdout.write(_USAGE)
            return 0
    sys.stderr.write(_USAGE)
    return 2
