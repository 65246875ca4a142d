"""Models of problem documents (RFC 9457)."""

from typing import Annotated

from pydantic import BaseModel, Field

from api.contract.responses.shared_schema import with_example
from common.catalog.errors import REMEDIES

CatalogProblem = Annotated[
    str,
    Field(
        description="What is wrong with the catalog; present only with the code `catalog_misconfigured`.",
        json_schema_extra={"enum": [*REMEDIES]},
    ),
]


class ParameterProblem(BaseModel):
    """One invalid parameter and the reason why it is invalid."""

    model_config = with_example({"parameter": "k", "detail": "k is an integer from 1 to 50"})

    parameter: str
    detail: str


class Problem(BaseModel):
    """A problem document (RFC 9457); `errors` lists invalid parameters, `problem` is a catalog fault."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str | None
    errors: list[ParameterProblem] = []
    problem: CatalogProblem = ""
