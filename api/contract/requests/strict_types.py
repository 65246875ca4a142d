"""Converts query-string texts and JSON values strictly to Python values; the base of request models.

A JSON body is validated with the pydantic context `JSON`, a query string without a context. A number in a
query string must be written as in JSON (RFC 8259, 6), and an integer without a fraction or an exponent: `+1`,
`01`, `.5` and `1_0` are refused, as is `1.0` for an integer. A JSON string is not accepted as a number.
"""

import re
from typing import Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError

#: The pydantic context used to validate a JSON body.
JSON = {"source": "json"}

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,8})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def is_json(info: ValidationInfo) -> bool:
    """Tell whether a value comes from a JSON body rather than a query string."""
    return info.context is JSON


def _read_integer(value: object, info: ValidationInfo) -> object:
    if is_json(info):
        # JSON Schema counts 5.0 as an integer.
        return int(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(value, str):
        return int(value) if _INTEGER.fullmatch(value) else _refuse()
    return value


def _read_number(value: object, info: ValidationInfo) -> object:
    if isinstance(value, str) and not is_json(info):
        value = float(value) if _NUMBER.fullmatch(value) else _refuse()
    # Negative zero is zero, and would have another key in the cache.
    return 0.0 if isinstance(value, float) and value == 0 else value


def _read_flag(value: object, info: ValidationInfo) -> object:
    if is_json(info) or not isinstance(value, str):
        return value
    found = _FLAGS.get(value.lower())
    return _refuse() if found is None else found


def _refuse() -> Any:
    # Clients do not see this message, because `validation.py` describes the expected value in words.
    raise PydanticCustomError("not_read", "is of another form")


INTEGER = BeforeValidator(_read_integer)
NUMBER = BeforeValidator(_read_number)
FLAG = BeforeValidator(_read_flag)


def within(low: float, high: float) -> Any:
    """Return a `Field` with a number's bounds; put it before `INTEGER` or `NUMBER` in `Annotated`."""
    return Field(ge=low, le=high)


class Parameters(BaseModel):
    """The parameters of one endpoint, or a body; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
