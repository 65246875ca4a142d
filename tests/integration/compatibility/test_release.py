"""Each row of the release table must name the release's commit; only shallow clones may skip the check."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.compatibility.release import DOCUMENTS, TABLE, Release, releases

VERSION = "1.2.3"


@pytest.mark.parametrize("release", releases(), ids=lambda release: release.version)
def test_each_row_names_the_commit_of_its_release(release: Release) -> None:
    release.require()


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, **files: str) -> str:
    paths = {"version": "common/version.py", "document": f"{DOCUMENTS}/{VERSION}.json", "table": str(TABLE)}
    for name, text in files.items():
        path = folder / paths[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "A change")
    return git(folder, "rev-parse", "HEAD")


def table(*rows: str) -> str:
    return "\n".join(
        ["# Compatibility", "", "## Releases", "", "| version | commit |", "| --- | --- |", *rows, ""]
    )


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """A release in a new repository; the commit after the release adds the table of releases."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    released = commit(folder, version=f'VERSION = "{VERSION}"\n', document="{}")
    commit(folder, table=table(f"| {VERSION} | `{released}` |"))
    return Release(VERSION, released, repository=folder)


def test_a_correct_row_has_no_fault(release: Release) -> None:
    (read,) = releases(release.repository)

    read.require()

    assert read == release


def test_a_wrong_hash_in_a_full_clone_fails(release: Release) -> None:
    wrong = replace(release, commit="0" * 40)

    with pytest.raises(pytest.fail.Exception, match="which this repository lacks"):
        wrong.require()


def test_a_shallow_clone_without_the_commit_skips(release: Release, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=1", release.repository.as_uri(), "shallow")

    with pytest.raises(pytest.skip.Exception, match="shallow"):
        replace(release, repository=tmp_path / "shallow").require()


def test_a_commit_of_another_version_fails(release: Release) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"version\.py has the version 1\.2\.3"):
        replace(release, version="1.2.4").require()


def test_a_commit_outside_the_history_fails(release: Release) -> None:
    git(release.repository, "checkout", "--quiet", "-b", "aside", release.commit)
    aside = commit(release.repository)
    git(release.repository, "checkout", "--quiet", "main")

    with pytest.raises(pytest.fail.Exception, match="not an ancestor of HEAD"):
        replace(release, commit=aside).require()


def test_a_changed_document_of_a_release_fails(release: Release) -> None:
    commit(release.repository, document='{"openapi": "3.1.0"}')

    with pytest.raises(pytest.fail.Exception, match="differs from the present file"):
        release.require()


def test_a_removed_document_of_a_release_fails(release: Release) -> None:
    (release.repository / DOCUMENTS / f"{VERSION}.json").unlink()

    with pytest.raises(pytest.fail.Exception, match="is absent"):
        release.require()


@pytest.mark.parametrize("row", ["| 1.2.3 | `abc123` |", "| v1.2.3 | `" + "0" * 40 + "` |", "| 1.2.3 | |"])
def test_a_malformed_row_is_an_error(row: str, release: Release) -> None:
    commit(release.repository, table=table(row))

    with pytest.raises(ValueError, match="40 digits"):
        releases(release.repository)
