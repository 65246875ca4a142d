"""Each database error code maps to an error, and each problem has a remedy."""

import re

import pytest

from common.catalog.errors import REMEDIES, error_from_code, error_from_status
from common.errors import (
    AlbumNotFound,
    CatalogError,
    CatalogMisconfigured,
    CatalogUnavailable,
    CoverSearchError,
    InvalidParameter,
    ModelMismatch,
)


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("42883", "rpc_missing"),
        ("PGRST202", "rpc_missing"),
        ("PGRST203", "rpc_missing"),
        ("42P01", "table_missing"),
        ("PGRST204", "table_missing"),
        ("PGRST205", "table_missing"),
        ("42704", "pgvector_missing"),
        ("42501", "not_service_role"),
        ("28P01", "bad_key"),
        ("PGRST301", "bad_key"),
        ("22000", "wrong_dimension"),
        ("3D000", "wrong_database"),
    ],
)
def test_each_misconfiguration_has_a_name_and_a_remedy(code: str, problem: str) -> None:
    fault = error_from_code(code, "what the server said")

    assert isinstance(fault, CatalogMisconfigured)
    assert fault.problem == problem
    assert fault.detail.startswith(REMEDIES[problem])
    assert "what the server said" in fault.detail


@pytest.mark.parametrize(
    "code", ["08006", "40001", "40P01", "53300", "55P03", "57014", "57P01", "58030", "PGRST000", "PGRST003"]
)
def test_transient_errors_are_retryable(code: str) -> None:
    fault = error_from_code(code, "")

    assert isinstance(fault, CatalogUnavailable)
    assert fault.retryable


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("PT404", AlbumNotFound),
        ("PT409", ModelMismatch),
        ("22023", InvalidParameter),
        ("42601", CatalogError),
        ("PGRST100", CatalogError),
    ],
)
def test_other_sql_errors_are_permanent(code: str, kind: type[CoverSearchError]) -> None:
    fault = error_from_code(code, "")

    assert type(fault) is kind
    assert not fault.retryable


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 520, 524])
def test_transient_http_statuses_are_retryable(status: int) -> None:
    assert error_from_status(status).retryable


@pytest.mark.parametrize(("status", "problem"), [(401, "bad_key"), (403, "bad_key"), (404, "bad_url")])
def test_permanent_http_statuses_are_named(status: int, problem: str) -> None:
    fault = error_from_status(status)

    assert isinstance(fault, CatalogMisconfigured)
    assert fault.problem == problem


def test_every_catalog_problem_has_a_remedy() -> None:
    promise = (CatalogMisconfigured.__doc__ or "").partition("is one of")[2]

    assert set(re.findall(r"`(\w+)`", promise)) == set(REMEDIES)
