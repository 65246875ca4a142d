"""Models of explanations, which results contain on request."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from api.contract.responses.shared_schema import with_example
from common.result_json import WORD_GROUPS

EXPLANATION_EXAMPLE: dict[str, Any] = {
    "parts": [{"part": 0, "contribution": 0.3412}, {"part": 1, "contribution": -0.0541}],
    "words": [
        {"word": "black", "similarity": 0.2518, "group": "colour"},
        {"word": "triangle", "similarity": 0.2107, "group": "object"},
        {"word": "minimalist", "similarity": 0.1864, "group": "composition"},
    ],
}


class PartContribution(BaseModel):
    """The share of one part of the query in the similarity of a result."""

    model_config = with_example(EXPLANATION_EXAMPLE["parts"][0])

    part: Annotated[int, Field(ge=0, description="The position of the part in the query; the first is 0.")]
    contribution: Annotated[
        float,
        Field(description="Negative if the part lowers the similarity. The contributions add up to it."),
    ]


class ClosestWord(BaseModel):
    """A word of the visual vocabulary that is close to the cover of a result."""

    model_config = with_example(EXPLANATION_EXAMPLE["words"][0])

    word: str
    similarity: Annotated[
        float,
        Field(
            ge=-1,
            le=1,
            description="The cosine between two difference vectors: the cover minus the catalog's mean "
            "cover, and the word minus the mean word of its group.",
        ),
    ]
    group: Annotated[str, Field(description=f"One of {', '.join(WORD_GROUPS)}.")]


class Explanation(BaseModel):
    """Why an album is a result."""

    model_config = with_example(EXPLANATION_EXAMPLE)

    parts: Annotated[
        list[PartContribution], Field(description="One element for each part of the query, in its order.")
    ]
    words: Annotated[
        list[ClosestWord],
        Field(description="The words closest to the cover, the most similar first, whatever the query was."),
    ]
