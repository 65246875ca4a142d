"""The catalog in Supabase: one supabase-py client, shared by all threads, calls the SQL functions by RPC.

A response hook of the HTTP client turns every unsuccessful response into a domain error, because an error of
supabase-py contains only one of the response's status and body. This module itself does not
repeat calls.
"""

import base64
import binascii
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
import orjson
from postgrest.exceptions import APIError
from supabase import Client, ClientOptions, create_client

from common.catalog.errors import error_from_code, error_from_status, misconfigured
from common.catalog.row_mapping import Row
from common.catalog.sql_functions import FunctionCatalog
from common.errors import CatalogMisconfigured, CatalogTimeout, CatalogUnavailable, CoverSearchError

#: Roles of public keys, which the catalog does not accept.
_PUBLIC_ROLES = frozenset({"anon", "authenticated"})


class Executable(Protocol):
    """A supabase-py request that is ready to be sent."""

    def execute(self) -> Any: ...


class SupabaseCatalog(FunctionCatalog):
    """A catalog in a Supabase project, accessed with the project's URL and a service key."""

    def __init__(self, url: str, key: str, *, timeout_s: float, connections: int) -> None:
        self._url = url
        self._key = key
        self._timeout_s = timeout_s
        self._http = httpx.Client(
            timeout=_timeout(timeout_s),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            event_hooks={"response": [_raise_for_answer]},
        )
        self._client: Client | None = None
        self._building = threading.Lock()

    def close(self) -> None:
        self._http.close()

    def _call_for_rows(self, function: str, arguments: Mapping[str, object]) -> list[Row]:
        rows = self._call(function, arguments)
        if not isinstance(rows, list):
            raise misconfigured("bad_url", found=f"{function} was answered with something else than rows")
        return rows

    def _call_for_document(self, function: str, arguments: Mapping[str, object]) -> Any:
        return self._call(function, arguments)

    def _call(self, function: str, arguments: Mapping[str, object]) -> Any:
        return self._answer(lambda client: client.rpc(function, dict(arguments)))

    def _answer(self, request: Callable[[Client], Executable]) -> Any:
        try:
            return request(self._connected()).execute().data
        except httpx.TimeoutException as error:
            raise CatalogTimeout(
                f"the catalog at {self._host} did not answer within {self._timeout_s:g} s"
            ) from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise misconfigured("bad_url", found=str(error)) from error
        except httpx.TransportError as error:
            raise CatalogUnavailable(f"the catalog at {self._host} cannot be reached: {error}") from error
        except APIError as error:
            # The hook raises an error for every unsuccessful response, so here the response is successful but
            # not valid JSON.
            raise misconfigured("bad_url", found=f"{self._host} does not answer in JSON") from error

    def _connected(self) -> Client:
        with self._building:
            if self._client is None:
                self._client = self._build()
            return self._client

    def _build(self) -> Client:
        _require_url(self._url)
        fault = service_key_error(self._key)
        if fault is not None:
            raise fault
        options = ClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=self._http)
        return create_client(self._url, self._key, options)

    @property
    def _host(self) -> str:
        return urlsplit(self._url).netloc.rpartition("@")[2]


def _timeout(timeout_s: float) -> httpx.Timeout:
    # httpx limits each phase of a request separately; the limits add up to `timeout_s`.
    return httpx.Timeout(
        connect=timeout_s * 0.2, write=timeout_s * 0.1, pool=timeout_s * 0.2, read=timeout_s * 0.5
    )


def _require_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        well_formed = parts.scheme in {"http", "https"} and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        well_formed = False
    if not well_formed:
        raise misconfigured("bad_url")


def _raise_for_answer(response: httpx.Response) -> None:
    if response.is_success:
        _require_json(response)
        return
    body = response.read()
    try:
        document = orjson.loads(body)
    except ValueError:
        document = None
    raise _fault(response.status_code, document)


def _require_json(response: httpx.Response) -> None:
    # If the URL belongs to a different server, supabase-py would return its HTML page as a string; this check
    # raises an error instead.
    kind = response.headers.get("content-type", "")
    if kind and "json" not in kind:
        raise misconfigured("bad_url", found=f"{response.url.host} answers in {kind}, and not in JSON")


def _fault(status: int, document: object) -> CoverSearchError:
    if isinstance(document, dict) and isinstance(document.get("code"), str):
        return error_from_code(document["code"], str(document.get("message") or ""))
    return error_from_status(status)


def service_key_error(key: str) -> CatalogMisconfigured | None:
    """Return an error if a key is obviously wrong, else None; the key is not sent to the server.

    A key is a JWT with the claim `role`, or has one of the newer forms `sb_secret_…` and `sb_publishable_…`.
    """
    if key.startswith("sb_publishable_"):
        return misconfigured("not_service_role", found="this is a publishable key")
    if key.startswith("sb_secret_"):
        return None
    claims = _claims(key)
    if claims is None:
        return misconfigured("bad_key", found="this is neither a JWT nor a key that begins with sb_secret_")
    if claims.get("role") in _PUBLIC_ROLES:
        return misconfigured("not_service_role", found=f"this key's role is {claims['role']}")
    expires = claims.get("exp")
    if isinstance(expires, int | float) and expires < time.time():
        return misconfigured("bad_key", found="this key has expired")
    return None


def _claims(key: str) -> dict[str, Any] | None:
    parts = key.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, payload, signature
        return None
    payload = parts[1] + "=" * (-len(parts[1]) % 4)
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(payload))
    except (binascii.Error, ValueError):
        return None
    return claims if isinstance(claims, dict) else None
