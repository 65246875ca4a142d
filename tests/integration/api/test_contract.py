"""The gateway conforms to its OpenAPI document: all checks of schemathesis pass."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis

from api.keys.key import Role
from tests.integration.api.conftest import StartGateway
from tests.integration.api.keyed import new_key
from tests.integration.api.stand_ins import MemoryCatalog, StandInWorker, make_album
from tests.paths import ROOT
from tests.polling import eventually

HERE = Path(__file__).parent
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
SEED = "7"


@pytest.mark.parametrize(("auth", "examples"), [("off", "120"), ("required", "24")])
@pytest.mark.timeout(300)
def test_schemathesis_finds_nothing(
    start_gateway: StartGateway,
    worker: StandInWorker,
    catalog: MemoryCatalog,
    redis: Redis,
    tmp_path: Path,
    auth: str,
    examples: str,
) -> None:
    running = start_gateway(AUTH=auth, DEFAULT_WAIT_S="2", ADDRESS_RATE="unlimited", MAX_JOBS_PER_KEY="9999")
    # The catalog needs the album in the examples of the OpenAPI document.
    catalog.albums["585"] = make_album(585)
    with running.client() as client:
        eventually(lambda: client.get("/readyz").status_code == 200)
    command = [str(SCHEMATHESIS), "--config-file", str(HERE / "contract.toml"), "run", "--checks", "all"]
    command += ["--seed", SEED, "--max-examples", examples, "--suppress-health-check", "all", "--no-color"]
    if auth == "required":
        command += ["--header", f"Authorization: {new_key(redis, role=Role.ADMIN)['Authorization']}"]
    environ = {
        "PATH": os.environ["PATH"],
        # The hooks come from this working tree, even if another one is installed.
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.integration.api.contract",
    }

    done = subprocess.run(
        [*command, f"{running.url}/openapi.json"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    # Schemathesis must have tested every operation with many requests.
    assert re.search(r"Tested: 18", done.stdout), done.stdout
    generated = re.search(r"(\d+) generated", done.stdout)
    assert generated is not None, done.stdout
    assert int(generated[1]) > 1000
