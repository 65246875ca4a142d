"""The settings of a process, which are read once from the environment, validated, and then never change.

A malformed setting stops the process with a message that gives the setting's name and expected form. A
variable whose name is almost a setting's name also stops the process, because a misspelt limit would
otherwise silently have no effect.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from common.errors import SettingsError
from common.images.cost.estimate import MAX_COST_S
from common.validation import urls
from common.validation.strict_numbers import read_decimal, read_whole_number

MIB = 1024 * 1024


def _secret(check: Callable[[str], str]) -> AfterValidator:
    return AfterValidator(lambda value: SecretStr(check(value.get_secret_value())))


def _read_text(read: Callable[[str], object]) -> Callable[[object], object]:
    return lambda value: read(value) if isinstance(value, str) else value


def _header_value(value: str) -> str:
    # Without this check, the HTTP client would raise an error whose message contains the key.
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("a key without blanks, line breaks and other special characters")
    return value


def _list(value: object) -> object:
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


def _network(value: object) -> object:
    try:
        return ip_network(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError("addresses and networks, separated by commas: 10.0.0.5, 192.168.0.0/16") from error


def _metadata_keys(value: tuple[str, ...]) -> tuple[str, ...]:
    if ALL_KEYS in value and len(value) > 1:
        raise ValueError("keys of metadata, separated by commas, or * alone for all keys")
    return value


def _origin(value: str) -> str:
    if value != "*" and not _ORIGIN.fullmatch(value):
        raise ValueError("origins such as https://example.org, separated by commas, or *")
    return value


def read_rate(value: str) -> str:
    """Return the value if it is a valid rate.

    Raises:
        ValueError: the value is not a valid rate.
    """
    if value != UNLIMITED and not _RATE.fullmatch(value):
        raise ValueError(f"a rate such as 600/minute (second, minute, hour or day), or {UNLIMITED}")
    return value


#: The value of a rate setting that means "no limit".
UNLIMITED = "unlimited"
#: The value of `PUBLIC_METADATA` that means all keys.
ALL_KEYS = "*"
#: The settings whose empty value has a meaning; an empty value of another setting counts as not set.
MEANINGFUL_IF_EMPTY = frozenset({"PUBLIC_METADATA"})
#: The length in seconds of each unit of time in a rate.
UNIT_SECONDS: Mapping[str, int] = MappingProxyType({"second": 1, "minute": 60, "hour": 3600, "day": 86_400})
_RATE = re.compile(rf"[1-9][0-9]{{0,8}}/({'|'.join(UNIT_SECONDS)})")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")

RedisUrl = Annotated[SecretStr, _secret(urls.redis_url)]
PostgresUrl = Annotated[SecretStr, _secret(urls.postgres_url)]
SupabaseUrl = Annotated[str, AfterValidator(urls.supabase_url)]
PublicUrl = Annotated[str, AfterValidator(urls.public_url)]
Key = Annotated[SecretStr, _secret(_header_value)]
Whole = Annotated[int, BeforeValidator(_read_text(read_whole_number))]
Decimal = Annotated[float, BeforeValidator(_read_text(read_decimal))]
Seconds = Annotated[Decimal, Field(gt=0, le=86_400)]
Count = Annotated[int, Field(ge=1), BeforeValidator(_read_text(partial(read_whole_number, least=1)))]
#: Text that is valid within an HTTP header's value.
HeaderText = Annotated[str, Field(pattern=r"^[\x20-\x7e]{1,200}$")]
#: A rate limit in cost units per unit of time; docs/http.md lists the cost of each request.
Rate = Annotated[str, AfterValidator(read_rate)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
Networks = Annotated[tuple[Network, ...], BeforeValidator(_list)]
Origins = Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], BeforeValidator(_list)]

MetadataKeys = Annotated[tuple[str, ...], BeforeValidator(_list), AfterValidator(_metadata_keys)]


class Settings(BaseModel):
    """All settings of gateway and worker; each environment variable is the field's name in upper case."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Redis and the catalog. Redis URLs are secret because they can contain a password.
    redis_url: RedisUrl = SecretStr("redis://127.0.0.1:6379/0")
    cache_redis_url: RedisUrl | None = None
    supabase_url: SupabaseUrl | None = None
    supabase_key: Key | None = None
    database_url: PostgresUrl | None = None
    catalog_timeout_s: Seconds = 5.0

    # The gateway.
    host: str = "127.0.0.1"
    port: Annotated[Whole, Field(ge=0, le=65_535)] = 8000
    default_wait_s: Annotated[Decimal, Field(ge=0, le=60)] = 15.0
    max_image_bytes: Count = 10 * MIB
    max_image_pixels: Count = 50_000_000
    #: Maximum CPU time in seconds for decoding one image. The gateway refuses an image whose estimate exceeds
    #: this maximum, and the kernel ends a decoder that exceeds the maximum.
    decode_cpu_s: Seconds = MAX_COST_S
    #: Maximum total size in bytes of the request bodies that a gateway process has not yet written to the
    #: ledger.
    max_receiving_bytes: Count = 128 * MIB
    #: The URL at which clients reach the gateway, including the path under which a proxy publishes the
    #: gateway. This URL is prepended to cover URLs that begin with "/".
    public_url: PublicUrl | None = None
    #: A folder of covers that the gateway serves under /covers/.
    covers_dir: Path | None = None
    #: The folder to which an ingest writes thumbnails, and which the gateway serves under /thumbnails/.
    #: Workers do not read the folder; if the setting is set, their results contain the URLs of thumbnails.
    thumbnail_dir: Path | None = None
    #: Whether thumbnails are made of covers that were fetched from other hosts.
    thumbnail_remote_covers: Literal["never", "allow"] = "never"
    #: The keys of the albums' metadata that clients may read and filter by; none if the value is empty.
    public_metadata: MetadataKeys = (ALL_KEYS,)

    # Authentication and rate limits (docs/security.md).
    auth: Literal["off", "optional", "required"] = "off"
    #: This setting is required if a gateway without API keys listens on an address other than loopback.
    allow_unauthenticated: Literal["", "yes-anyone-may-search"] = ""
    key_rate: Rate = "600/minute"
    #: The rate limit per client address for requests without a valid key; by default unlimited if AUTH is
    #: off, else 60/minute.
    address_rate: Rate | None = None
    rate_limit_on_failure: Literal["allow", "refuse"] = "allow"
    max_jobs_per_key: Count = 100
    #: Proxies whose `X-Forwarded-For` is trusted.
    trusted_proxies: Networks = ()
    cors_origins: Origins = ()

    # Jobs. A worker's lease of a run expires `lease_s` seconds after the last renewal of the lease.
    job_deadline_s: Seconds = 60.0
    job_ttl_s: Seconds = 900.0
    lease_s: Seconds = 10.0
    max_attempts: Count = 3
    max_queue_depth: Count = 1000
    max_queue_age_s: Seconds = 45.0
    max_held_image_bytes: Count = 512 * MIB
    #: Maximum memory in Redis, in bytes, of jobs that share another job's run or a cached answer.
    max_shared_bytes: Count = 128 * MIB

    # The cache.
    result_ttl_s: Seconds = 3600.0
    embedding_ttl_s: Seconds = 86_400.0

    # The user agent and contact address that the catalog's tools send when they fetch covers.
    fetch_user_agent: HeaderText = "cover-search"
    fetch_contact: HeaderText | None = None
    #: The web service that knows which MusicBrainz release is the same as a Discogs release, and the archive
    #: of the covers of MusicBrainz releases.
    musicbrainz_url: PublicUrl = "https://musicbrainz.org"
    cover_art_archive_url: PublicUrl = "https://coverartarchive.org"

    # The worker and its model.
    clip_model: str = "openai/clip-vit-base-patch32"
    model_cache_dir: Path = Path("~/.cache/cover-search")
    encoder: Literal["auto", "openvino", "torch", "fixed"] = "auto"
    device: str = "auto"
    #: `auto` means bfloat16 if the device supports bfloat16 in hardware, else float32.
    encoder_precision: Literal["auto", "float32", "int8"] = "auto"
    #: Time in ms that the `fixed` encoder takes per batch; it replaces the model in tests and benchmarks.
    fixed_latency_ms: Annotated[Decimal, Field(ge=0)] = 0.0
    #: `off` is slower, but needs no capture at the start and less GPU memory.
    cuda_graphs: Literal["on", "off"] = "on"
    encoder_threads: Annotated[Whole, Field(ge=0)] = 0
    batch_max: Count = 16
    batch_wait_ms: Annotated[Decimal, Field(ge=0, le=1000)] = 0.0
    worker_concurrency: Count = 32
    decoder_processes: Count = 1
    decode_timeout_s: Seconds = 10.0
    drain_s: Seconds = 25.0

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @model_validator(mode="after")
    def _supabase_is_whole(self) -> Self:
        if (self.supabase_url is None) != (self.supabase_key is None):
            raise ValueError("SUPABASE_URL and SUPABASE_KEY are set together or not at all")
        return self

    @property
    def cache_url(self) -> SecretStr:
        """The URL of the Redis that caches results and embeddings; by default the broker's URL."""
        return self.cache_redis_url or self.redis_url

    @property
    def path_prefix(self) -> str:
        """The path under which clients reach the gateway, such as "/music"; empty for the root."""
        return urlsplit(self.public_url or "").path

    @property
    def user_agent(self) -> str:
        """The `User-Agent` that the catalog's tools send when they fetch covers."""
        contact = "" if self.fetch_contact is None else f" ({self.fetch_contact})"
        return self.fetch_user_agent + contact

    @property
    def catalog_precision(self) -> Literal["auto", "float32"]:
        """The precision for embedding the catalog's covers: never int8, even if queries use int8."""
        return "auto" if self.encoder_precision == "int8" else self.encoder_precision


def is_given_as_empty(variable: str, environ: Mapping[str, str]) -> bool:
    """Return whether a variable has an empty value that is not ignored."""
    return variable in MEANINGFUL_IF_EMPTY and environ.get(variable, "-").strip() == ""


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings from an environment; strip blanks around values, and ignore most empty values.

    Raises:
        SettingsError: a setting is malformed, or a variable's name is almost a setting's name.
    """
    names = {name.upper(): name for name in Settings.model_fields}
    for variable in environ:
        if variable not in names and (meant := difflib.get_close_matches(variable, names, 1, cutoff=0.92)):
            raise SettingsError(f"{variable} is not a setting; did you mean {meant[0]}?")
    # A secret read from a file often ends with a line break, which is invalid in headers and URLs.
    read = {name: environ.get(variable, "").strip() for variable, name in names.items()}
    given = {name: value for name, value in read.items() if value or is_given_as_empty(name.upper(), environ)}
    for name, value in given.items():
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            raise SettingsError(f"{name.upper()}: the quotes are part of the value: remove them")
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise SettingsError(_describe(error)) from None


def _describe(error: ValidationError) -> str:
    # The message contains no malformed value except numbers, because a malformed URL can contain a password.
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        name = str(problem["loc"][0]).upper() if problem["loc"] else "settings"
        lines.append(f"{name}: {problem['msg'].removeprefix('Value error, ')}")
    return "; ".join(lines)
