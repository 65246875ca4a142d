"""An example problem document for each problem code that OpenAPI lists."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from api.contract.errors.problem_details import INTERNAL_DETAIL, TYPE_PREFIX
from api.contract.errors.statuses import PROBLEMS_BY_CODE
from api.contract.requests.search_parameters import JOB_ID_EXAMPLE
from common.errors import CatalogMisconfigured

DETAILS: Mapping[str, str] = MappingProxyType(
    {
        "invalid_parameter": "k is an integer from 1 to 50",
        "malformed_body": "the multipart body ends before its last boundary",
        "unsupported_media_type": "send the image as multipart/form-data, in the field `file`, "
        "or as the body itself with its type, such as image/jpeg, or application/octet-stream",
        "body_too_large": "the body has more than 15903401 bytes",
        "request_timeout": "the body did not come within 30 s",
        "image_too_large": "the image has more than 10485760 bytes",
        "unsupported_image": "the file is a JPEG XL image; save it as JPEG, PNG or WebP",
        "undecodable_image": "the file begins like PNG but its header is broken",
        "image_too_many_pixels": "the image is 13000 by 13000 pixels; 50000000 pixels in all are allowed",
        "image_too_costly": "decoding the image would take about 16.2 s of CPU and 2 s are allowed: "
        "send it with fewer pixels, or as a plain JPEG",
        "decoder_died": "the image's decoder was killed",
        "decoder_busy": "no image decoder became free in time",
        "image_expired": "the uploaded image is no longer held; send it again",
        "job_not_found": f"no job {JOB_ID_EXAMPLE}: unknown, expired, or not yours",
        "job_canceled": "the job was canceled while this request waited for it",
        "album_not_found": "no album 585",
        "idempotency_conflict": "this Idempotency-Key was used with another request",
        "unauthorized": "the API key is not valid",
        "forbidden": "only an admin key may see why a part is not ready",
        "rate_limited": "the limit is 600/minute and this costs 4",
        "queue_full": "the oldest job in the queue has waited too long",
        "queue_unavailable": "the job queue does not answer (TimeoutError)",
        "no_worker": "no worker was ready before the deadline; start one and try again",
        "model_unavailable": "CLIP_MODEL is models/clip, and there is no such folder",
        "model_mismatch": "the catalog's vectors come from openai/clip-vit-large-patch14",
        "catalog_unavailable": "the catalog did not answer in time",
        "catalog_misconfigured": "the catalog has no function search_albums: apply catalog/schema/ to it",
        "deadline_exceeded": "the deadline passed before the model got to the query",
        "attempts_exhausted": "given up after 3 attempts; each ended without an answer",
        "internal": INTERNAL_DETAIL,
    }
)
#: The parameter that `errors` names in the example, for the codes with an `errors` field.
PARAMETERS: Mapping[str, str] = MappingProxyType(
    {
        "invalid_parameter": "k",
        "image_too_large": "file",
        "unsupported_image": "file",
        "undecodable_image": "file",
        "image_too_many_pixels": "file",
        "image_too_costly": "file",
    }
)


def problem_example(code: str) -> dict[str, Any]:
    """Return the example problem document of an error code."""
    problem, detail = PROBLEMS_BY_CODE[code], DETAILS[code]
    document: dict[str, Any] = {
        "type": TYPE_PREFIX + code,
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
        "code": code,
        "request_id": "5f0c2a9be1d3",
    }
    if code in PARAMETERS:
        document["errors"] = [{"parameter": PARAMETERS[code], "detail": detail}]
    if code == CatalogMisconfigured.code:
        document["problem"] = "rpc_missing"
    return document
