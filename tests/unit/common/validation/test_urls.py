"""Tests of which URLs are accepted in settings, and of error messages, which never reveal a password."""

from pathlib import Path
from urllib.parse import quote

import pytest
from psycopg.conninfo import conninfo_to_dict

from common.errors import SettingsError
from common.redis.clients import connection_options
from common.settings import load_settings
from common.validation.urls import http_url, postgres_url, redis_url, supabase_url

SECRET = "hunter2"
ENCODED = {"@": "%40", ":": "%3A", "/": "%2F", "?": "%3F", "#": "%23", "%": "%25", " ": "%20"}
SPECIAL = "p@ss:w/o?r#d%2F&=+;,[]{}<>|\\^`\"' ~!$()*-._ é漢"


def refusal(name: str, value: str, **others: str) -> str:
    with pytest.raises(SettingsError) as refused:
        load_settings({name: value, **others})
    return refused.value.detail


@pytest.mark.parametrize(
    "url",
    [
        "redis://redis",
        "redis://redis:6380/2",
        "redis://user@redis/",
        "redis://[::1]:6379/0",
        "redis:///3",
        "rediss://default:secret@redis.example.org:6380",
        "unix:///run/redis/redis.sock?db=2",
        "unix://user:secret@/run/a%20folder/redis@home.sock",
        "redis://redis?db=2&client_name=cover-search&password=a%40b",
    ],
)
def test_a_redis_url_is_parsed_as_redis_py_parses_it(url: str) -> None:
    assert connection_options(redis_url(url)) == connection_options(url)


@pytest.mark.parametrize("scheme", ["redis", "rediss", "postgresql"])
def test_a_percent_encoded_password_may_hold_any_character(scheme: str) -> None:
    url = f"{scheme}://{quote(SPECIAL, safe='')}:{quote(SPECIAL, safe='')}@host/0"

    read = (
        conninfo_to_dict(postgres_url(url)) if scheme == "postgresql" else connection_options(redis_url(url))
    )

    assert read["password"] == SPECIAL
    assert read.get("user") == SPECIAL or read.get("username") == SPECIAL


@pytest.mark.parametrize("character", ["[", "]", "\N{FULLWIDTH COMMERCIAL AT}", "\N{ACCOUNT OF}"])
def test_a_character_that_nfkc_maps_to_a_delimiter_gets_the_hint(character: str) -> None:
    message = refusal("REDIS_URL", f"redis://:{SECRET}{character}@host/0")

    assert "percent-encoded" in message
    assert SECRET not in message


def test_a_password_may_hold_a_raw_semicolon() -> None:
    assert connection_options(redis_url("redis://:a;b@host"))["password"] == "a;b"
    # The semicolon must be encoded, because Celery's transport would treat it as a separator of URLs.
    assert ";" not in redis_url("redis://:a;b@host")


@pytest.mark.parametrize("character", ENCODED)
@pytest.mark.parametrize(
    "where", ["{secret}{character}{secret}", "12{character}{secret}", "{secret}{character}"]
)
@pytest.mark.parametrize("user", ["", "user"])
@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("REDIS_URL", "redis://{user}:{password}@host:6379/0"),
        ("CACHE_REDIS_URL", "rediss://{user}:{password}@host/0"),
        ("CACHE_REDIS_URL", "unix://{user}:{password}@/run/redis.sock"),
        ("DATABASE_URL", "postgresql://{user}:{password}@host:5432/database"),
    ],
)
def test_a_raw_delimiter_in_a_password_gets_a_hint_that_hides_the_password(
    name: str, form: str, user: str, where: str, character: str
) -> None:
    password = where.format(secret=SECRET, character=character)

    message = refusal(name, form.format(user=user, password=password))

    assert name in message
    assert "percent-encoded" in message
    assert f"{character} as {ENCODED[character]}" in message or character == " "
    assert SECRET not in message
    assert "12" not in message.replace("65535", "")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("localhost:6379", "begins with redis://"),
        ("redis:host", "begins with redis://"),
        ("redis-cluster.example.org:6379", "begins with redis://"),
        ("unix:/run/redis.sock", "unix:///"),
        ("unix://run/redis.sock", "three slashes"),
        ("unix://", "three slashes"),
        (f"unix:///{'a' * 120}", "103 bytes"),
        ("redis://::1:6379", "brackets"),
        ("redis://host:0", "1 to 65535"),
        ("redis://host:99999", "1 to 65535"),
        ("redis://host/prod", "a database number"),
        ("redis://host?db=prod", "a database number"),
        ("redis://host?protocol=2", "without protocol=2"),
        ("redis://host?socket_timeout=3", "the service sets time limits and retries itself"),
        ("redis://host?ssl_cert_reqs=none", "after rediss://"),
        ("rediss://host?ssl_cert_reqs=maybe", "required, optional, none"),
        ("rediss://host?ssl_ca_certs=/no/such/file", "ssl_ca_certs cannot be used: No such file"),
        ("rediss://host?ssl_keyfile=/k.pem", "ssl_keyfile requires ssl_certfile"),
        ("redis://a:6379,b:6379/0", "one server"),
        ("redis+cluster://host:6379", "Redis Cluster is not supported"),
        ("rediss+cluster://host:6379", "Redis Cluster is not supported"),
        ("redis-cluster://host:6379", "Redis Cluster is not supported"),
        ("sentinel://host:26379", "Redis Sentinel is not supported"),
        ("redis+sentinel://host:26379/mymaster/0", "Redis Sentinel is not supported"),
        ("redis-sentinel://host:26379", "Redis Sentinel is not supported"),
    ],
)
def test_an_invalid_redis_url_error_says_what_to_write(url: str, says: str) -> None:
    message = refusal("CACHE_REDIS_URL", url)

    assert message.startswith("CACHE_REDIS_URL: ")
    assert says in message


def test_an_invalid_certificate_file_is_refused_at_startup(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")

    assert "ssl_ca_certs cannot be used" in refusal("REDIS_URL", f"rediss://host?ssl_ca_certs={file}")
    assert "ssl_certfile cannot be used" in refusal("REDIS_URL", f"rediss://host?ssl_certfile={file}")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:secret@host:5432/database",
        "postgres://host/database?sslmode=verify-full&sslrootcert=system",
        "postgresql:///database?host=/var/run/postgresql&user=me",
        "postgresql://me@%2Fvar%2Frun%2Fpostgresql/database",
        "postgresql://one:5432,two:5433,[::1]/database?target_session_attrs=read-write",
        "postgresql://postgres.abcdefghij:secret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres",
    ],
)
def test_a_postgresql_url_is_accepted_unchanged(url: str) -> None:
    assert postgres_url(url) == url


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://localhost/x", "postgresql://user:password@host"),
        ("postgresql+psycopg://localhost/x", "without the driver's name"),
        ("host=localhost dbname=x", "postgresql://user:password@host"),
        ("postgresql://postgres:[YOUR-PASSWORD]@db.abc.supabase.co:5432/postgres", "placeholder"),
        ("postgresql://host/x?nonsense=1", "than libpq's"),
        ("postgresql://host:6543/x?pgbouncer=true", "pgbouncer=true is none: leave it out"),
        (
            "postgresql://host/x?sslmode=verify-full&sslrootcert=/no/file",
            "sslrootcert: there is no such file",
        ),
        ("postgresql://host/x?sslmode=on", "sslmode is one of"),
        ("postgresql://host:port/x", "percent-encoded"),
    ],
)
def test_an_invalid_postgresql_url_error_says_what_to_write(url: str, says: str) -> None:
    message = refusal("DATABASE_URL", url)

    assert message.startswith("DATABASE_URL: ")
    assert says in message


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://abc.supabase.co", "https://abc.supabase.co"),
        ("https://abc.supabase.co/", "https://abc.supabase.co"),
        ("  https://abc.supabase.co//\n", "https://abc.supabase.co"),
        ("http://127.0.0.1:54321", "http://127.0.0.1:54321"),
        ("https://example.org/supabase/", "https://example.org/supabase"),
    ],
)
def test_the_trailing_slash_of_a_supabase_url_is_removed(url: str, taken: str) -> None:
    assert load_settings({"SUPABASE_URL": url, "SUPABASE_KEY": "k"}).supabase_url == taken


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("abc.supabase.co", "with https:// before the host"),
        ("http://abc.supabase.co", "write https://abc.supabase.co"),
        ("https://abc.supabase.co/rest/v1/", "write https://abc.supabase.co"),
        ("https://supabase.com/dashboard/project/abcdefgh/settings/api", "https://abcdefgh.supabase.co"),
        ("https://supabase.com/dashboard", "the dashboard's address"),
        ("https://app.supabase.com/project/abcdefgh", "https://abcdefgh.supabase.co"),
        ("https://db.abc.supabase.co", "https://abc.supabase.co"),
        ("https://example.org/rest/v1", "leave out /rest/v1"),
        ("https://abc.supabase.co?apikey=hunter2", "without anything after ? or #"),
        ("https://user:hunter2@example.org", "without a user"),
        ("postgresql://u:hunter2@db.abc.supabase.co/postgres", "DATABASE_URL"),
        ("https://abc.supabase.co:x", "https://xxxxx.supabase.co"),
    ],
)
def test_an_invalid_supabase_url_error_says_what_to_write(url: str, says: str) -> None:
    message = refusal("SUPABASE_URL", url, SUPABASE_KEY="k")

    assert message.startswith("SUPABASE_URL: ")
    assert says in message
    assert SECRET not in message


def test_white_space_around_a_value_is_removed() -> None:
    settings = load_settings(
        {
            "SUPABASE_URL": "https://x.supabase.co\n",
            "SUPABASE_KEY": "key\n",
            "REDIS_URL": " redis://host/1\r\n",
        }
    )

    assert settings.supabase_key is not None
    assert settings.supabase_key.get_secret_value() == "key"
    assert settings.redis_url.get_secret_value() == "redis://host/1"


def test_an_address_with_an_invalid_port_is_refused() -> None:
    with pytest.raises(ValueError, match=r"https://example\.org"):
        http_url("http://host:x")
    with pytest.raises(ValueError, match="supabase"):
        supabase_url("")
