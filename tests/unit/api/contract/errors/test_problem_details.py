"""Every error class has one row in the table of problems, and a problem document with code and status."""

from collections.abc import Iterator

import orjson
import pytest

import api.contract.errors.request_errors  # noqa: F401  its errors count among the subclasses
from api.contract.errors.problem_details import error_response, failure_response
from api.contract.errors.request_errors import InvalidRequest
from api.contract.errors.statuses import PROBLEMS, PROBLEMS_BY_CODE, problem_of
from common.errors import (
    CatalogMisconfigured,
    CoverSearchError,
    DecoderDied,
    InvalidParameter,
    QueueFull,
    QueueUnavailable,
    SettingsError,
    UnsupportedImage,
    image_given_as,
)
from common.jobs import JobFailure

#: The HTTP status of each error code that clients rely on.
CONTRACT = {
    "invalid_parameter": 422,
    "image_too_large": 413,
    "unsupported_image": 415,
    "undecodable_image": 422,
    "image_too_many_pixels": 422,
    "job_not_found": 404,
    "album_not_found": 404,
    "unauthorized": 401,
    "forbidden": 403,
    "rate_limited": 429,
    "queue_full": 503,
    "catalog_unavailable": 503,
    "catalog_misconfigured": 503,
    "no_worker": 503,
    "model_mismatch": 503,
    "deadline_exceeded": 504,
    "idempotency_conflict": 409,
    "internal": 500,
}


def kinds(base: type[CoverSearchError] = CoverSearchError) -> Iterator[type[CoverSearchError]]:
    yield base
    for kind in base.__subclasses__():
        yield from kinds(kind)


# SettingsError is left out, because it stops a process before the process serves any request.
WITH_CODE = [
    kind
    for kind in kinds()
    if "code" in vars(kind) and kind is not SettingsError and kind.__module__.startswith(("common.", "api."))
]


@pytest.mark.parametrize("kind", WITH_CODE)
def test_every_error_with_a_code_has_its_own_row(kind: type[CoverSearchError]) -> None:
    assert kind in PROBLEMS


@pytest.mark.parametrize(("code", "status"), CONTRACT.items())
def test_the_codes_of_the_contract_have_their_status(code: str, status: int) -> None:
    assert PROBLEMS_BY_CODE[code].status == status


def test_errors_that_share_a_code_share_their_row() -> None:
    for kind, problem in PROBLEMS.items():
        assert PROBLEMS_BY_CODE[kind.code] == problem


def test_an_error_without_a_row_uses_that_of_its_nearest_base_class() -> None:
    class SpecialCatalogFault(CatalogMisconfigured):
        pass

    problem = problem_of(SpecialCatalogFault("gone", problem="rpc_missing"))

    assert problem is PROBLEMS[CatalogMisconfigured]


@pytest.mark.parametrize("kind", [kind for kind in PROBLEMS if PROBLEMS[kind].status == 503])
def test_every_503_says_when_to_try_again(kind: type[CoverSearchError]) -> None:
    assert PROBLEMS[kind].retry_after_s is not None


def test_a_problem_has_type_title_status_detail_and_code() -> None:
    response = error_response(QueueUnavailable("the job queue does not answer"))

    document = orjson.loads(response.body)

    assert response.media_type == "application/problem+json"
    assert response.status_code == document["status"] == 503
    assert document["type"] == "urn:cover-search:problem:queue_unavailable"
    assert document["code"] == "queue_unavailable"
    assert document["title"] == "Queue unavailable"
    assert document["detail"] == "the job queue does not answer"
    assert "request_id" in document
    assert "errors" not in document
    assert int(response.headers["retry-after"]) >= 1


def test_a_full_queue_sends_its_own_retry_after() -> None:
    response = error_response(QueueFull("the queue is full", retry_after_s=17))

    assert response.headers["retry-after"] == "17"


def test_a_validation_problem_names_every_parameter() -> None:
    problems = [InvalidParameter("too big", parameter="k"), InvalidParameter("empty", parameter="query")]

    document = orjson.loads(error_response(InvalidRequest(problems)).body)

    assert document["errors"] == [
        {"parameter": "k", "detail": "too big"},
        {"parameter": "query", "detail": "empty"},
    ]


def test_an_image_problem_names_the_parameter_of_the_image() -> None:
    with pytest.raises(UnsupportedImage) as caught, image_given_as("parts.2.image"):
        raise UnsupportedImage("no image")

    document = orjson.loads(error_response(caught.value).body)

    assert document["errors"] == [{"parameter": "parts.2.image", "detail": "no image"}]


def test_a_dead_decoder_blames_no_parameter() -> None:
    with pytest.raises(DecoderDied) as caught, image_given_as("file"):
        raise DecoderDied("killed")

    assert "errors" not in orjson.loads(error_response(caught.value).body)


def test_an_unexpected_error_reveals_no_details() -> None:
    response = error_response(CoverSearchError("SELECT * FROM secrets"))

    document = orjson.loads(response.body)

    assert document["status"] == 500
    assert document["code"] == "internal"
    assert "secrets" not in document["detail"]


@pytest.mark.parametrize(
    ("code", "status"),
    [("undecodable_image", 422), ("catalog_unavailable", 503), ("deadline_exceeded", 504)],
)
def test_a_failed_job_answers_a_waiting_request_with_its_own_status(code: str, status: int) -> None:
    response = failure_response(JobFailure(code, "why"))

    assert response.status_code == status
    assert orjson.loads(response.body)["code"] == code
    assert orjson.loads(response.body)["detail"] == "why"


def test_a_failure_with_an_unknown_code_is_internal() -> None:
    response = failure_response(JobFailure("from_the_future", "what the worker said"))

    assert response.status_code == 500
    assert orjson.loads(response.body)["code"] == "internal"


def test_a_direct_error_and_a_failed_job_both_name_the_catalog_problem() -> None:
    error = CatalogMisconfigured("apply the schema", problem="rpc_missing")

    documents = [
        orjson.loads(response.body)
        for response in (error_response(error), failure_response(JobFailure.of(error)))
    ]

    assert [document["problem"] for document in documents] == ["rpc_missing"] * 2
    assert "problem" not in orjson.loads(error_response(QueueUnavailable("gone")).body)
