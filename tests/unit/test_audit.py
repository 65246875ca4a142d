"""The audit of pinned packages fails if a package has a known vulnerability or was not checked."""

import runpy
from collections.abc import Callable
from typing import Any

import pytest

from tests.paths import ROOT

Judge = Callable[..., tuple[list[str], int]]

CLEAN = {"name": "safe", "version": "1.0", "vulns": []}
VULNERABLE = {
    "name": "holey",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["2.1"]}],
}
UNKNOWN = {"name": "strange", "skip_reason": "not found"}


@pytest.fixture(name="judge")
def _judge() -> Judge:
    script = ROOT / ".ci" / "audit.py"
    judge: Judge = runpy.run_path(str(script))["judge"]
    return judge


def test_a_clean_list_passes(judge: Judge) -> None:
    assert judge([CLEAN], "", strict=True) == (["audited 1 packages, 0 known vulnerabilities"], 0)


def test_a_known_vulnerability_fails_the_audit_and_names_the_fixed_version(judge: Judge) -> None:
    lines, status = judge([CLEAN, VULNERABLE, UNKNOWN], "", strict=False)

    assert lines[0] == "holey 2.0: PYSEC-2026-1, fixed in 2.1"
    assert status == 1


@pytest.mark.parametrize(
    ("packages", "complaint"), [([CLEAN, UNKNOWN], ""), ([], "no route to host")], ids=["unknown", "no list"]
)
def test_an_unanswered_query_is_reported_and_fails_a_strict_audit(
    judge: Judge, packages: list[dict[str, Any]], complaint: str
) -> None:
    lines, status = judge(packages, complaint, strict=False)

    assert lines[-1].startswith("NOT AUDITED")
    assert complaint in lines[-1]
    assert (status, judge(packages, complaint, strict=True)[1]) == (0, 1)
