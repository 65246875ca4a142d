"""Maps error codes of the catalog to domain errors, each with a remedy.

PostgREST returns PostgreSQL's SQLSTATE unchanged; PostgREST's own codes begin with PGRST. An error from a
proxy or an API gateway in front of PostgREST has only an HTTP status.
"""

from common.errors import (
    AlbumNotFound,
    CatalogError,
    CatalogMisconfigured,
    CatalogReplaced,
    CatalogTimeout,
    CatalogUnavailable,
    CoverSearchError,
    InvalidParameter,
    ModelMismatch,
)

_APPLY_SCHEMA = (
    "apply the schema: python -m catalog migrate, or paste the files of catalog/schema into Supabase's "
    "SQL editor in order"
)

#: Maps each problem to an error message that says what is wrong and what the operator has to do.
REMEDIES = {
    "rpc_missing": f"the catalog lacks a SQL function that the search calls; {_APPLY_SCHEMA}",
    "table_missing": f"the catalog lacks the table album_covers or one of its columns; {_APPLY_SCHEMA}",
    "pgvector_missing": (
        "pgvector is not enabled in the catalog's database; enable the extension `vector` "
        f"(Supabase: Database, Extensions), then {_APPLY_SCHEMA}"
    ),
    "bad_key": (
        "the catalog refuses the key; check SUPABASE_KEY (Supabase: Settings, API keys) or the user and "
        "password in DATABASE_URL"
    ),
    "not_service_role": (
        "the key may not read the catalog; SUPABASE_KEY must be the service_role (secret) key, not the "
        "anon (publishable) one, and a user in DATABASE_URL needs EXECUTE on the catalog's functions"
    ),
    "bad_url": (
        "no catalog answers at this URL; SUPABASE_URL looks like https://xxxxx.supabase.co and "
        "DATABASE_URL like postgresql://user:password@host:5432/database"
    ),
    "wrong_dimension": (
        "the catalog's vectors and the model's have different dimensions; both must have 512: check "
        "CLIP_MODEL, and that album_covers.embedding is vector(512)"
    ),
    "rows_capped": (
        "the catalog's API cuts answers of many rows short without an error, for every client that calls "
        "search_albums itself (this service reads single documents, which stay whole); raise PostgREST's "
        "db-max-rows to 1000 (Supabase: Settings, Data API, Max rows)"
    ),
    "changes_untracked": (
        "changes of the catalog may pass unnoticed, so that no answer comes from the cache: a trigger on "
        "album_covers is missing or switched off; run python -m catalog migrate, or run the files of "
        "catalog/schema from 006_catalog_version.sql on again in Supabase's SQL editor"
    ),
    "wrong_database": "the database that DATABASE_URL names does not exist; create it or correct the name",
}

_PROBLEMS = {
    "42883": "rpc_missing",  # undefined_function
    "42725": "rpc_missing",  # ambiguous_function
    "PGRST202": "rpc_missing",
    "PGRST203": "rpc_missing",  # overloads that cannot be told apart
    "PGRST106": "rpc_missing",  # the schema is not exposed
    "42P01": "table_missing",  # undefined_table
    "42703": "table_missing",  # undefined_column
    "PGRST204": "table_missing",  # a column of the table is missing
    "PGRST205": "table_missing",
    "42704": "pgvector_missing",  # undefined_object: the type vector
    "28P01": "bad_key",  # invalid_password
    "28000": "bad_key",  # invalid_authorization_specification
    "PGRST301": "bad_key",  # the JWT does not verify, or has expired
    "PGRST302": "bad_key",  # the request needs a key and has none
    "PGRST303": "bad_key",
    "42501": "not_service_role",  # insufficient_privilege
    "22000": "wrong_dimension",  # data_exception, which pgvector and search_albums raise
    "3D000": "wrong_database",  # invalid_catalog_name
}

#: SQLSTATE classes of transient errors: connection, rollback, resources, object state, operator intervention,
#: system error and internal error.
_TRANSIENT_CLASSES = frozenset({"08", "40", "53", "55", "57", "58", "XX"})
_KINDS = {
    "40001": CatalogReplaced,  # serialization_failure, which `version_to_read` raises
    "57014": CatalogTimeout,  # query_canceled, after the `statement_timeout`
}
#: The PostgREST error codes for a failed connection to the database, and for a timeout while waiting for a
#: connection.
_TRANSIENT_CODES = frozenset({"PGRST000", "PGRST001", "PGRST002", "PGRST003"})
_TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
_STATUS_PROBLEMS = {401: "bad_key", 403: "bad_key", 404: "bad_url", 405: "bad_url"}


#: Substrings of connection error messages that identify a problem. A failed connection has no SQLSTATE, only
#: a message from libpq, the server or a pooler.
_CONNECTION_PROBLEMS = {
    "bad_key": (
        "authentication failed",
        "no password supplied",
        "no such user",
        "Tenant or user not found",
        "Wrong password",
    ),
    "wrong_database": ("no such database",),
    "bad_url": (
        "unsupported startup parameter",
        "certificate verify failed",
        "server certificate for",
        "certificate file",
        "private key file",
        "does not support SSL",
        "no pg_hba.conf entry",
        "invalid ",
    ),
}


def misconfigured(problem: str, *, found: str | None = None) -> CatalogMisconfigured:
    """Return the error for a problem; `found` is appended to the message as details."""
    detail = REMEDIES[problem] if found is None else f"{REMEDIES[problem]} ({found})"
    return CatalogMisconfigured(detail, problem=problem)


def error_from_code(code: str, message: str) -> CoverSearchError:
    """Return the domain error for a SQLSTATE or a PostgREST code."""
    if code in _PROBLEMS:
        return misconfigured(_PROBLEMS[code], found=f"{code}: {message}")
    if code == "PT404":
        return AlbumNotFound(message)
    if code == "PT409":
        return ModelMismatch(f"{message}; this worker runs another: set CLIP_MODEL or re-embed the catalog")
    if code == "22023":
        return InvalidParameter(message, parameter="query")
    if code[:2] in _TRANSIENT_CLASSES or code in _TRANSIENT_CODES:
        kind = _KINDS.get(code, CatalogUnavailable)
        return kind(f"the catalog cannot answer now ({code}: {message})")
    return CatalogError(f"the catalog refused the call ({code}: {message})")


def error_from_status(status: int) -> CatalogError:
    """Return the domain error for an HTTP response that has a status but no error code."""
    if status in _TRANSIENT_STATUSES:
        return CatalogUnavailable(f"the catalog cannot answer now (HTTP {status})")
    if status in _STATUS_PROBLEMS:
        return misconfigured(_STATUS_PROBLEMS[status], found=f"HTTP {status}")
    return CatalogError(f"the catalog refused the call (HTTP {status})")


def connection_error(error: Exception, *, waited_s: float) -> CatalogError:
    """Return the domain error for a failed connection to the database."""
    words = " ".join(str(error).split())
    if "does not exist" in words and ('role "' in words or 'database "' in words):
        return misconfigured("bad_key" if 'role "' in words else "wrong_database")
    for problem, signs in _CONNECTION_PROBLEMS.items():
        if any(sign in words for sign in signs):
            return misconfigured(problem, found=words if problem == "bad_url" else None)
    return CatalogUnavailable(f"the catalog's database cannot be reached after {waited_s:.1f} s: {words}")
