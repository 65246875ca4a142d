"""`make run PHONE=1` listens on the local network, and every request needs a key."""

from io import StringIO

import pytest
from rich.console import Console

from common.errors import SettingsError
from local.options import read_options
from local.phone.access import page_address, show_phone_address

PUBLIC = "http://192.168.1.20:8000"


def test_a_phone_needs_a_key_and_reaches_the_machine() -> None:
    options = read_options({"PHONE": "1", "PUBLIC_URL": PUBLIC})

    assert options.is_for_phones
    assert options.settings.host == "0.0.0.0"
    assert options.settings.auth == "required"
    assert options.public_url == PUBLIC
    # The processes of the service get the same settings.
    assert options.environ["AUTH"] == "required"


@pytest.mark.parametrize("given", [{}, {"PHONE": "0"}, {"PHONE": ""}])
def test_without_phone_only_this_machine_reaches_the_service(given: dict[str, str]) -> None:
    options = read_options(given)

    assert not options.is_for_phones
    assert options.settings.host == "127.0.0.1"
    assert options.public_url == "http://127.0.0.1:8000"


@pytest.mark.parametrize("given", [{"PHONE": "yes"}, {"PHONE": "1", "AUTH": "off"}])
def test_other_values_and_open_services_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        read_options({"PUBLIC_URL": PUBLIC, **given})


def test_the_address_and_its_qr_code_are_printed() -> None:
    output = StringIO()

    show_phone_address(Console(file=output, markup=False, width=40), page_address(PUBLIC, "cs_a_key"))

    printed = output.getvalue()
    assert f"{PUBLIC}/app/#key=cs_a_key" in printed
    assert "█" in printed
