"""One PostgreSQL for all faults; each fault starts the rest of its service itself."""

from collections.abc import Iterator

import pytest

from benchmarks.faults.ground import Ground


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with Ground(tmp_path_factory.mktemp("ground")) as ground:
        yield ground
