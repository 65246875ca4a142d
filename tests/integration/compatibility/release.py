"""Read the released versions from docs/compatibility.md, check their commits, and extract their code."""

import re
import subprocess
import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest

from tests.paths import ROOT

#: The folders of the repository that a release needs to run.
PARTS = ("api", "catalog", "common", "models", "worker")
TABLE = Path("docs/compatibility.md")
DOCUMENTS = Path("tests/unit/api/contract/released")
_ROW = re.compile(r"\| (\d+\.\d+\.\d+) \| `([0-9a-f]{40})` \|")
_VERSION = re.compile(r'^VERSION = "(.+)"$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Release:
    version: str
    commit: str
    repository: Path = ROOT

    def require_commit(self) -> None:
        """Skip the test if a shallow clone lacks the commit, and fail if another clone lacks it."""
        if not self._has_commit():
            lack = f"lacks the commit of {self.version}"
            if _is_shallow(self.repository):
                pytest.skip(f"this clone is shallow and {lack}")
            pytest.fail(f"this repository {lack}")

    def require(self) -> None:
        """Skip the test if a shallow clone lacks the commit, and fail if the table names a wrong commit."""
        if not self._has_commit() and _is_shallow(self.repository):
            pytest.skip(f"this clone is shallow and lacks the commit of {self.version}")
        if fault := self.fault():
            pytest.fail(f"{TABLE}: {fault}")

    def fault(self) -> str | None:
        """Return a sentence that says why the commit does not belong to the release; None if it does."""
        row = f"the row of {self.version} names the commit {self.commit}"
        if not self._has_commit():
            return f"{row}, which this repository lacks"
        written = _VERSION.search(self._file("common/version.py").decode())
        version = written and written[1]
        if version != self.version:
            return f"{row}, whose common/version.py has the version {version}"
        ancestry = _git(self.repository, "merge-base", "--is-ancestor", self.commit, "HEAD")
        if ancestry.returncode and not _is_shallow(self.repository):
            return f"{row}, which is not an ancestor of HEAD"
        document = DOCUMENTS / f"{self.version}.json"
        recorded = self.repository / document
        if not recorded.is_file() or recorded.read_bytes() != self._file(str(document)):
            return f"{row}, whose {document} is absent or differs from the present file"
        return None

    def unpack(self, folder: Path) -> Path:
        """Write the release's code into a folder."""
        archive = _git(self.repository, "archive", self.commit, *PARTS)
        archive.check_returncode()
        with tarfile.open(fileobj=BytesIO(archive.stdout)) as tar:
            tar.extractall(folder, filter="data")
        return folder

    def _has_commit(self) -> bool:
        return _git(self.repository, "cat-file", "-e", f"{self.commit}^{{commit}}").returncode == 0

    def _file(self, path: str) -> bytes:
        """Return a file of the commit; a file that the commit lacks is empty."""
        return _git(self.repository, "show", f"{self.commit}:{path}").stdout


def releases(repository: Path = ROOT) -> list[Release]:
    """Return every release in docs/compatibility.md, oldest first.

    Raises:
        ValueError: a row of the table does not consist of a version and a full commit hash.
    """
    _, _, section = (repository / TABLE).read_text().partition("\n## Releases\n")
    rows = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("|")][2:]
    found = []
    for row in rows:
        if not (match := _ROW.fullmatch(row)):
            raise ValueError(
                f"{TABLE}: this row needs a version and a hash of 40 digits in backquotes: {row}"
            )
        found.append(Release(match[1], match[2], repository=repository))
    return found


def _is_shallow(repository: Path) -> bool:
    return _git(repository, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true"


def _git(repository: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *arguments], cwd=repository, capture_output=True, check=False)
