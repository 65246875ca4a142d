"""A public gateway without authentication starts only if a setting allows this."""

import os
import subprocess
import sys

import pytest

from api.access.bind_address import check_bind_address
from common.errors import SettingsError
from common.settings import load_settings
from tests.paths import ROOT


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "covers.example.org"])
def test_a_public_gateway_without_keys_is_refused(host: str) -> None:
    with pytest.raises(SettingsError, match="AUTH=required") as refused:
        check_bind_address(load_settings({"HOST": host}))

    assert "ALLOW_UNAUTHENTICATED=yes-anyone-may-search" in refused.value.detail


@pytest.mark.parametrize(
    "environ",
    [
        {"HOST": "127.0.0.1"},
        {"HOST": "127.1.2.3"},
        {"HOST": "::1"},
        {"HOST": "localhost"},
        {"HOST": "0.0.0.0", "AUTH": "required"},
        {"HOST": "0.0.0.0", "AUTH": "optional"},
        {"HOST": "0.0.0.0", "ALLOW_UNAUTHENTICATED": "yes-anyone-may-search"},
    ],
)
def test_a_local_or_explicitly_allowed_gateway_starts(
    environ: dict[str, str],
) -> None:
    check_bind_address(load_settings(environ))


@pytest.mark.parametrize("words", ["yes", "true", "1"])
def test_an_abbreviated_permission_is_refused(words: str) -> None:
    with pytest.raises(SettingsError, match="ALLOW_UNAUTHENTICATED"):
        load_settings({"ALLOW_UNAUTHENTICATED": words})


@pytest.mark.starts_processes
def test_the_process_exits_and_names_the_setting_to_change() -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "HOST": "0.0.0.0",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    }

    done = subprocess.run(
        [sys.executable, "-m", "api"], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "AUTH=required" in done.stderr
