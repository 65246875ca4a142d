"""Runs a worker (`python -m worker`), configured by environment variables (README.md, "Settings")."""

import os
import sys

from common.errors import SettingsError
from common.logs import configure_logging
from common.processes.child_processes import forbid_inspection
from common.processes.stdout_to_log import capture_output
from common.redis.startup_check import check_redis
from common.settings import load_settings
from worker.app import WorkerProcess


def main() -> int:
    """Run a worker and return its exit status."""
    try:
        settings = load_settings(os.environ)
        # Other processes are denied access to this process's memory before any decoder starts, so that an
        # exploited codec in a decoder cannot read the catalog's key.
        forbid_inspection()
        configure_logging("worker", settings.log_level)
        check_redis(settings)
        # Output is captured only after the checks above, so that errors of these checks appear on the
        # terminal as plain text.
        capture_output(lambda stream: configure_logging("worker", settings.log_level, stream=stream))
        return WorkerProcess(settings).run()
    except SettingsError as error:
        sys.stderr.write(f"worker: {error.detail}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
