"""A gateway that anybody could reach and nobody needs a key for does not start unasked."""

import os
import subprocess
import sys

import pytest

from api.access.bind_address import check_bind_address
from common.errors import SettingsError
from common.settings import load_settings
from tests.paths import ROOT


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "covers.example.org"])
def test_it_does_not_listen_beyond_this_machine_without_keys(host: str) -> None:
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
def test_it_listens_where_only_this_machine_reaches_it_or_where_it_was_told_to(
    environ: dict[str, str],
) -> None:
    check_bind_address(load_settings(environ))


@pytest.mark.parametrize("words", ["yes", "true", "1"])
def test_half_a_word_is_not_enough(words: str) -> None:
    with pytest.raises(SettingsError, match="ALLOW_UNAUTHENTICATED"):
        load_settings({"ALLOW_UNAUTHENTICATED": words})


def test_the_process_ends_and_says_what_to_do() -> None:
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
