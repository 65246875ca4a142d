"""The published pattern of a filter's text allows exactly the texts that the gateway accepts."""

import re

import pytest
from pydantic import TypeAdapter, ValidationError

from api.contract.requests.filter_parameters import PRINTABLE, Metadata

#: The control characters, all kinds of white space, a byte order mark, and an emoji.
CHARACTERS = [chr(number) for number in (*range(0x100), *range(0x1680, 0x3001), 0xFEFF, 0x1F600)]
METADATA: TypeAdapter[dict[str, str]] = TypeAdapter(Metadata)


def is_accepted(text: str) -> bool:
    try:
        METADATA.validate_python({"label": text})
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("form", ["{}", "{}a", "a{}", " {} ", "\u3000{}", "{}{}"])
def test_the_published_pattern_allows_exactly_the_accepted_texts(form: str) -> None:
    texts = [form.format(char, char) for char in CHARACTERS]

    accepted = [text for text in texts if is_accepted(text)]

    assert accepted == [text for text in texts if re.fullmatch(PRINTABLE, text)]
    assert accepted
