"""The parts that several response models share: counts and examples."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

Count = Annotated[int, Field(ge=0)]


def with_example(example: dict[str, Any]) -> ConfigDict:
    """Return the configuration of a model with an example in its JSON schema."""
    return ConfigDict(json_schema_extra={"example": example})
