"""A malformed setting stops the process with an error that names the setting."""

import pytest

from common.errors import SettingsError
from common.settings import load_settings


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = load_settings({})

    assert settings.clip_model == "openai/clip-vit-base-patch32"
    assert settings.cache_url == settings.redis_url


def test_an_empty_value_counts_as_not_set() -> None:
    assert load_settings({"PORT": ""}).port == 8000


@pytest.mark.parametrize(
    ("environ", "keys"),
    [
        ({}, ("*",)),
        ({"PUBLIC_METADATA": "*"}, ("*",)),
        ({"PUBLIC_METADATA": " label, catalogue number ,"}, ("label", "catalogue number")),
        ({"PUBLIC_METADATA": ""}, ()),
        ({"PUBLIC_METADATA": " "}, ()),
    ],
)
def test_an_empty_list_of_public_keys_is_not_the_default(
    environ: dict[str, str], keys: tuple[str, ...]
) -> None:
    assert load_settings(environ).public_metadata == keys


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("PORT", "8_000"),
        ("PORT", "+8000"),
        ("PORT", "8000.0"),
        ("MAX_QUEUE_DEPTH", "1_000"),
        ("ENCODER_THREADS", "\uff14"),
        ("JOB_DEADLINE_S", "6_0"),
        ("FIXED_LATENCY_MS", "nan"),
        ("FIXED_LATENCY_MS", "1e999"),
        ("KEY_RATE", "1\u0660/minute"),
        ("REDIS_URL", "redis://localhost:\u0666379/0"),
        ("REDIS_URL", "redis://localhost:6379/\u0661"),
        ("REDIS_URL", "redis://localhost:6379?db=\u0661"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "redis://localhost:6379/0?protocol=2"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("JOB_DEADLINE_S", "0"),
        ("ENCODER", "magic"),
        ("WORKER_CONCURRENCY", "-1"),
        ("LOG_LEVEL", "LOUD"),
        ("AUTH", "maybe"),
        ("KEY_RATE", "lots"),
        ("ADDRESS_RATE", "0/minute"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, proxy"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("CORS_ORIGINS", "https://example.org/path"),
        ("RATE_LIMIT_ON_FAILURE", "perhaps"),
        ("PUBLIC_URL", "example.org/music"),
        ("PUBLIC_URL", "https://user@example.org"),
        ("PUBLIC_URL", "https://example.org/music?x=1"),
        ("PUBLIC_URL", "https://example.org/music#x"),
        ("PUBLIC_URL", "https://example.org//music"),
        ("PUBLIC_URL", "https://example.org/../music"),
        ("PUBLIC_URL", "https://example.org/m%C3%BCsik"),
        ("PUBLIC_METADATA", "label, *"),
    ],
)
def test_a_malformed_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({name: value})

    assert name in refused.value.detail


@pytest.mark.parametrize(
    ("url", "prefix"),
    [
        ("https://example.org", ""),
        ("https://example.org/", ""),
        ("https://example.org/music", "/music"),
        ("http://[::1]:8000/music/covers_2.0/", "/music/covers_2.0"),
    ],
)
def test_the_prefix_is_the_path_of_the_public_url(url: str, prefix: str) -> None:
    settings = load_settings({"PUBLIC_URL": url})

    assert settings.path_prefix == prefix
    assert settings.public_url == url.rstrip("/")


@pytest.mark.parametrize("url", ["not a url", "ftp://x.supabase.co", "xxxxx.supabase.co"])
def test_the_error_for_a_malformed_supabase_url_shows_the_right_form(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({"SUPABASE_URL": url, "SUPABASE_KEY": "k"})

    assert "SUPABASE_URL" in refused.value.detail
    assert "https://xxxxx.supabase.co" in refused.value.detail


@pytest.mark.parametrize("given", [{"SUPABASE_URL": "https://x.supabase.co"}, {"SUPABASE_KEY": "k"}])
def test_supabase_needs_both_url_and_key(given: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="SUPABASE_URL and SUPABASE_KEY"):
        load_settings(given)


@pytest.mark.parametrize("typo", ["REDIS_URLS", "SUPABASE_KEYS", "JOB_DEADLINES_S", "CACHE_REDIS_URI"])
def test_a_misspelled_setting_is_refused(typo: str) -> None:
    with pytest.raises(SettingsError, match="did you mean"):
        load_settings({typo: "x"})


def test_unrelated_variables_are_ignored() -> None:
    assert load_settings({"PATH": "/bin", "HOME": "/root", "HOSTNAME": "h", "LANG": "C"}).port == 8000


def test_secrets_are_masked_in_repr_and_errors() -> None:
    secret = "hunter2"
    settings = load_settings(
        {
            "REDIS_URL": f"redis://:{secret}@h/0",
            "DATABASE_URL": f"postgresql://u:{secret}@h/d",
            "SUPABASE_URL": "https://x.supabase.co",
            "SUPABASE_KEY": secret,
        }
    )

    with pytest.raises(SettingsError) as refused:
        load_settings({"REDIS_URL": f"http://:{secret}@h/0"})

    assert secret not in repr(settings)
    assert secret not in str(settings.model_dump())
    assert secret not in refused.value.detail


@pytest.mark.parametrize("key", ["sb_secret_hunter2\nx", "hunter2 hunter2", "hunter2\N{ZERO WIDTH SPACE}"])
def test_a_key_that_no_header_can_hold_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(SettingsError, match="SUPABASE_KEY") as refused:
        load_settings({"SUPABASE_URL": "https://x.supabase.co", "SUPABASE_KEY": key})

    assert "hunter2" not in refused.value.detail


@pytest.mark.parametrize("value", ['"redis://host/0"', "'redis://host/0'"])
def test_quotes_that_docker_keeps_from_an_env_file_are_reported(value: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL: the quotes"):
        load_settings({"REDIS_URL": value})


def test_list_settings_are_separated_by_commas() -> None:
    settings = load_settings(
        {"TRUSTED_PROXIES": "10.0.0.1, fd00::/8,", "CORS_ORIGINS": "https://a.example, http://localhost:3000"}
    )

    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.1/32", "fd00::/8"]
    assert settings.cors_origins == ("https://a.example", "http://localhost:3000")
