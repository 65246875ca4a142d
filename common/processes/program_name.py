"""The command that started this process, for help texts and hints."""

import shutil
import sys
from pathlib import Path

#: The console script of an installation (`[project.scripts]` in pyproject.toml).
CONSOLE_SCRIPT = "cover-search"


def console_script() -> str | None:
    """Return how `cover-search` was called, such as `.venv/bin/cover-search`; None in other processes."""
    # `sys.argv` is not read, because `runpy` replaces its first word. The command may
    # have one option of the interpreter, such as `python -u`.
    for word in sys.orig_argv[1:3]:
        if Path(word).name == CONSOLE_SCRIPT:
            return CONSOLE_SCRIPT if shutil.which(CONSOLE_SCRIPT) == word else word
    return None


def command_name(sub_command: str, *, module: str) -> str:
    """Return the command that runs `module`, in the form in which this process was called."""
    script = console_script()
    return f"python -m {module}" if script is None else f"{script} {sub_command}"
