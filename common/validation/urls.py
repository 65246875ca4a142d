"""Validates the settings that are URLs; the error messages say how to correct a URL.

Every public function returns the URL in the form that the client library accepts. The messages of
`ValueError` never contain a part of a user name or password.
"""

import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

PERCENT_ENCODING = (
    "special characters in a user name or password are percent-encoded: "
    "@ as %40, : as %3A, / as %2F, ? as %3F, # as %23, % as %25, [ as %5B, ] as %5D, a blank as %20"
)
_POSTGRES_FORM = "a URL such as postgresql://user:password@host:5432/database"
_SUPABASE_FORM = "a URL such as https://xxxxx.supabase.co"

_AUTHORITY = re.compile(r"[^/?#]*")
_HOST_AND_PORT = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
_BARE_IPV6 = re.compile(r"[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f.:]*")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PATH_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+")
_PLACEHOLDER = re.compile(r"\[[A-Z -]{0,40}PASSWORD[A-Z -]{0,40}\]", re.IGNORECASE)
_PORT_MAX = 65_535

_REDIS_OPTIONS = frozenset({"db", "username", "password", "client_name", "protocol"})
_TLS_OPTIONS = frozenset(
    {"ssl_ca_certs", "ssl_ca_path", "ssl_ca_data", "ssl_certfile", "ssl_keyfile", "ssl_password"}
    | {"ssl_cert_reqs", "ssl_check_hostname"}
)
_CERT_REQS = ("required", "optional", "none")
#: Maximum length in bytes of a socket's path: the limit of macOS; Linux allows 107 bytes.
_SOCKET_PATH_MAX_BYTES = 103
NO_CLUSTER = (
    "Redis Cluster is not supported: a job's keys have to be on one server; give the URL of a Redis with "
    "cluster-enabled no"
)
NO_SENTINEL = "Redis Sentinel is not supported: give the URL of the primary itself"
_SEVERAL_SERVERS = {"sentinel": NO_SENTINEL, "cluster": NO_CLUSTER}

_SSL_MODES = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})
_PROJECT = re.compile(r"/project/(?P<ref>[a-z0-9]+)")
_API_PATH = re.compile(r"/(rest|auth|storage|realtime|functions|graphql)/v1(/|$)")


@dataclass(frozen=True, slots=True)
class _Parts:
    """The parts of a URL; percent-encoded characters are not decoded."""

    scheme: str
    user_info: str
    hosts: tuple[str, ...]
    path: str
    query: str


def redis_url(url: str) -> str:
    """Return a URL that redis-py and Celery's transport accept."""
    scheme, mark, _ = url.partition("://")
    scheme = scheme.lower() if mark else ""
    for kind, refusal in _SEVERAL_SERVERS.items():
        if kind in scheme:
            raise ValueError(refusal)
    if scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("a Redis URL begins with redis://, rediss:// or unix:///")
    parts = _split(url)
    if scheme == "unix":
        _check_socket(parts)
    else:
        _check_database(parts)
    try:
        urlsplit(url)
    except ValueError:
        # `urlsplit` fails, for example, on a bracket that looks like the start of an IPv6 address.
        raise ValueError(f"it cannot be read; {PERCENT_ENCODING}") from None
    options = _redis_options(parts)
    # Celery's transport treats the text after a semicolon as the URL of another server.
    bare = f"{scheme}{url[len(scheme) :]}".partition("?")[0].replace(";", "%3B")
    query = "&".join(f"{name}={quote(value, safe='/')}" for name, value in options.items())
    return f"{bare}?{query}" if query else bare


def postgres_url(url: str) -> str:
    """Return a URL that libpq accepts."""
    scheme = url.partition("://")[0].lower()
    if scheme.startswith(("postgresql+", "postgres+")):
        raise ValueError(f"{_POSTGRES_FORM}, without the driver's name")
    if scheme not in {"postgresql", "postgres"} or "://" not in url:
        raise ValueError(_POSTGRES_FORM)
    parts = _split(url)
    if _PLACEHOLDER.search(unquote(parts.user_info)):
        raise ValueError(
            "it contains a placeholder for the password: replace the placeholder by the password"
        )
    try:
        parameters = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # libpq's own message is not shown because the message contains a part of the URL.
        raise ValueError(
            f"{_POSTGRES_FORM}, with no other options after a ? than libpq's (pgbouncer=true is none: leave "
            f"it out); {PERCENT_ENCODING}"
        ) from None
    mode = parameters.get("sslmode", "prefer")
    if mode not in _SSL_MODES:
        raise ValueError(f"sslmode is one of {', '.join(sorted(_SSL_MODES))}")
    for name in ("sslrootcert", "sslcert", "sslkey"):
        file = parameters.get(name, "system")
        if file != "system" and not Path(str(file)).is_file():
            raise ValueError(f"{name}: there is no such file")
    return url


def http_url(url: str) -> str:
    """Return an HTTP URL without a trailing slash."""
    try:
        parts = urlsplit(url)
        well_formed = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        well_formed = False
    if not well_formed:
        raise ValueError("a URL such as https://example.org")
    return url.rstrip("/")


def public_url(url: str) -> str:
    """Return the address at which clients reach the gateway, without a slash at the end."""
    base = http_url(url)
    parts = urlsplit(base)
    segments = parts.path.split("/")[1:]
    if (
        "@" in parts.netloc
        or "?" in url
        or "#" in url
        or not all(_PATH_SEGMENT.fullmatch(segment) and segment.strip(".") for segment in segments)
    ):
        raise ValueError("a URL such as https://example.org or https://example.org/music")
    return base


def supabase_url(url: str) -> str:
    """Return the URL of a Supabase project or of a self-hosted Supabase."""
    if url.startswith(("postgresql://", "postgres://")):
        raise ValueError(f"{_SUPABASE_FORM}; a database's URL is for DATABASE_URL")
    try:
        base = http_url(url)
    except ValueError:
        raise ValueError(f"{_SUPABASE_FORM}, with https:// before the host") from None
    parts = urlsplit(base)
    host = parts.hostname or ""
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"{_SUPABASE_FORM}, without a user and without anything after ? or #")
    if host in {"supabase.com", "www.supabase.com", "app.supabase.com", "app.supabase.io"}:
        project = _PROJECT.search(parts.path)
        of_project = f"https://{project['ref']}.supabase.co" if project else _SUPABASE_FORM
        raise ValueError(f"this is the dashboard's address; the project's is {of_project}")
    if host.endswith(".supabase.co"):
        _check_project(host, scheme=parts.scheme, path=parts.path)
    elif (api := _API_PATH.search(parts.path)) is not None:
        raise ValueError(f"leave out {api.group().rstrip('/')} and what follows it: it is added to the URL")
    return base


def _check_project(host: str, *, scheme: str, path: str) -> None:
    name = host.removesuffix(".supabase.co")
    if name.startswith("db."):
        raise ValueError(f"this is the database's host; the project's address is https://{host[3:]}")
    if scheme != "https" or path:
        raise ValueError(f"write https://{host}, with nothing after it")


def _split(url: str) -> _Parts:
    if any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError(f"a URL contains no spaces or line breaks; {PERCENT_ENCODING}")
    scheme, _, rest = url.partition("://")
    authority = _AUTHORITY.match(rest)
    assert authority is not None  # noqa: S101 - the pattern also matches an empty string
    user_info, _, hosts = authority.group().rpartition("@")
    path, _, query = rest[authority.end() :].partition("?")
    # If the text before the first slash contains an @, the part up to the last @ was probably meant as user
    # name and password.
    meant = rest.partition("/")[0].rpartition("@")[0]
    if (
        "#" in rest
        or any(mark in meant for mark in "@?")
        or meant.count(":") > 1
        or _STRAY_PERCENT.search(meant)
        or ("@" in path and (hosts or scheme.lower() != "unix"))
    ):
        raise ValueError(f"it cannot be read; {PERCENT_ENCODING}")
    names = tuple(hosts.split(","))
    for name in names:
        _check_host(name)
    return _Parts(scheme.lower(), user_info, names, path, query)


def _check_host(name: str) -> None:
    found = _HOST_AND_PORT.fullmatch(name)
    if found is None:
        if _BARE_IPV6.fullmatch(name):
            raise ValueError("an IPv6 address is written in brackets, such as [::1]")
        raise ValueError(f"its host and port cannot be read; {PERCENT_ENCODING}")
    if found["port"] is not None and not 1 <= int(found["port"]) <= _PORT_MAX:
        raise ValueError(f"a port is a number from 1 to {_PORT_MAX}; {PERCENT_ENCODING}")


def _check_socket(parts: _Parts) -> None:
    path = unquote(parts.path)
    if parts.hosts != ("",) or len(path) < len("/r"):
        raise ValueError(
            "a socket's URL has three slashes, unix:///run/redis/redis.sock, or user and password before the "
            f"third, unix://user:password@/run/redis/redis.sock; {PERCENT_ENCODING}"
        )
    if len(path.encode()) > _SOCKET_PATH_MAX_BYTES:
        raise ValueError(f"the path of a socket has at most {_SOCKET_PATH_MAX_BYTES} bytes")


def _check_database(parts: _Parts) -> None:
    if len(parts.hosts) > 1:
        raise ValueError(f"one server and not several. {NO_CLUSTER}. {NO_SENTINEL}")
    if re.fullmatch(r"/?[0-9]{0,9}/?", unquote(parts.path)) is None:
        raise ValueError(f"after the host, only a database number such as /0 is allowed; {PERCENT_ENCODING}")


def _redis_options(parts: _Parts) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    allowed = _REDIS_OPTIONS | (_TLS_OPTIONS if parts.scheme == "rediss" else frozenset())
    if not options.keys() <= allowed:
        raise ValueError(
            f"a Redis URL has the options {', '.join(sorted(_REDIS_OPTIONS))} and, after rediss://, "
            f"{', '.join(sorted(_TLS_OPTIONS))}; the service sets time limits and retries itself; "
            f"{PERCENT_ENCODING}"
        )
    if options.pop("protocol", "3") != "3":
        raise ValueError("a Redis URL without protocol=2: the service needs version 3 of the protocol")
    if not re.fullmatch(r"[0-9]{1,9}", options.get("db", "0")):
        raise ValueError("db is a database number")
    if parts.scheme == "rediss":
        _check_certificates(options)
    return options


def _check_certificates(options: dict[str, str]) -> None:
    """Raise an error for options that would make every TLS connection fail.

    A value of `ssl_cert_reqs` in Celery's form, such as `CERT_REQUIRED`, is converted to redis-py's form.
    """
    asked = options.get("ssl_cert_reqs", "required").lower().removeprefix("cert_")
    if asked not in _CERT_REQS:
        raise ValueError(f"ssl_cert_reqs is one of {', '.join(_CERT_REQS)}")
    if "ssl_cert_reqs" in options:
        options["ssl_cert_reqs"] = asked
    if "ssl_keyfile" in options and "ssl_certfile" not in options:
        raise ValueError("ssl_keyfile requires ssl_certfile")
    context = ssl.create_default_context()
    with _naming("ssl_ca_certs", "ssl_ca_path", "ssl_ca_data", among=options):
        trusted = [options.get(name) for name in ("ssl_ca_certs", "ssl_ca_path", "ssl_ca_data")]
        if any(trusted):
            context.load_verify_locations(*trusted)
    with _naming("ssl_certfile", "ssl_keyfile", among=options):
        if "ssl_certfile" in options:
            # A password is always passed to OpenSSL, which would otherwise prompt for a password at the
            # terminal.
            password = options.get("ssl_password", "")
            context.load_cert_chain(options["ssl_certfile"], options.get("ssl_keyfile"), password)


@contextmanager
def _naming(*names: str, among: Mapping[str, str]) -> Iterator[None]:
    """Turn an error about an unreadable file into a message that names the URL options for this file."""
    try:
        yield
    except OSError as error:
        # OpenSSL's errors about a file's content are also `OSError`s.
        given = " or ".join(name for name in names if name in among)
        reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
        raise ValueError(f"{given} cannot be used: {reason}") from None
