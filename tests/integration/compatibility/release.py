"""A released version of the project, unpacked into a folder."""

import re
import subprocess
import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from tests.paths import ROOT

#: The folders of the repository that a release needs to run.
PARTS = ("api", "catalog", "common", "models", "worker")
_ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| `([0-9a-f]{40})` \|$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Release:
    version: str
    commit: str

    @property
    def is_here(self) -> bool:
        """Whether the repository has the release's commit, which a shallow clone may lack."""
        command = ["git", "cat-file", "-e", f"{self.commit}^{{commit}}"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0

    def unpack(self, folder: Path) -> Path:
        """Write the release's code into a folder."""
        command = ["git", "archive", self.commit, *PARTS]
        archive = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
        with tarfile.open(fileobj=BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
        return folder


def releases() -> list[Release]:
    """Return every release in docs/compatibility.md, oldest first."""
    table = (ROOT / "docs" / "compatibility.md").read_text()
    return [Release(*row) for row in _ROW.findall(table)]
