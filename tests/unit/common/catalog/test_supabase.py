"""The role in a Supabase key is checked."""

import base64
import time

import orjson
import pytest

from common.catalog.supabase import service_key_error
from local.servers.supabase_roles import make_key

SECRET = "a-secret-of-at-least-thirty-two-characters"


def jwt(claims: object) -> str:
    payload = base64.urlsafe_b64encode(orjson.dumps(claims)).rstrip(b"=").decode()
    return f"e30.{payload}.c2ln"


@pytest.mark.parametrize(
    "key",
    [
        make_key("service_role", secret=SECRET),
        make_key("catalog_reader", secret=SECRET),
        jwt({"role": "service_role", "exp": time.time() + 3600}),
        "sb_secret_abcdef",
    ],
    ids=["role", "other role", "with expiry", "secret"],
)
def test_a_usable_supabase_key_is_accepted(key: str) -> None:
    assert service_key_error(key) is None


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        (make_key("anon", secret=SECRET), "not_service_role"),
        (make_key("authenticated", secret=SECRET), "not_service_role"),
        ("sb_publishable_abcdef", "not_service_role"),
        (jwt({"role": "service_role", "exp": 1}), "bad_key"),
        (jwt(["not", "claims"]), "bad_key"),
        ("", "bad_key"),
        ("your-service-role-key", "bad_key"),
        ("a.b.c", "bad_key"),
        ("a.%%%.c", "bad_key"),
    ],
)
def test_an_unusable_supabase_key_is_explained_and_not_shown(key: str, problem: str) -> None:
    fault = service_key_error(key)

    assert fault is not None
    assert fault.problem == problem
    assert not key or key not in fault.detail
