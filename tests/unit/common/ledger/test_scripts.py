"""The names of Redis keys are inserted into the ledger's scripts."""

import re
from importlib.resources import files

import pytest

from common.ledger.scripts import script_text

NAMES = sorted(path.name.removesuffix(".lua") for path in files("common.ledger").joinpath("lua").iterdir())


@pytest.mark.parametrize("name", [name for name in NAMES if name != "shared"])
def test_a_script_contains_key_names_instead_of_placeholders(name: str) -> None:
    code = re.sub(r"--.*", "", script_text(name))

    assert "K." not in code
    assert '"queued"' in code
