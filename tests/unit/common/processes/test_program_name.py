"""Help texts and hints name the command in the form in which it was called."""

import sys
from pathlib import Path

import pytest

from common.processes.program_name import command_name


@pytest.mark.parametrize(
    ("called", "name"),
    [
        (
            ["python", "-m", "local.running_service.api_keys", "list"],
            "python -m local.running_service.api_keys",
        ),
        (["python", "-m", "pytest"], "python -m local.running_service.api_keys"),
        (["python", ".venv/bin/cover-search", "keys", "list"], ".venv/bin/cover-search keys"),
        (["python", "-P", "/opt/bin/cover-search", "keys", "list"], "/opt/bin/cover-search keys"),
    ],
)
def test_the_name_has_the_form_of_the_call(
    monkeypatch: pytest.MonkeyPatch, called: list[str], name: str
) -> None:
    monkeypatch.setattr(sys, "orig_argv", called)

    assert command_name("keys", module="local.running_service.api_keys") == name


def test_a_command_on_the_path_is_named_without_its_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "cover-search"
    script.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "orig_argv", ["python", str(script), "keys"])

    assert command_name("keys", module="local.running_service.api_keys") == "cover-search keys"
