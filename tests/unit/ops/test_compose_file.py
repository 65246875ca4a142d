"""docker-compose.yml is valid, and has hardened containers, no secrets and separate networks."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.access.bind_address import check_bind_address
from common.settings import Settings, load_settings
from tests.paths import ROOT
from tests.unit.ops.docker_files import (
    COMPOSE_FILE,
    DOCKER,
    compose,
    make_env,
    read_env,
    required_variables,
    tool,
)

pytestmark = pytest.mark.starts_processes

ONE_SHOT = {"migrate", "demo"}
#: The services that another service checks, because their images contain no program for a health check.
ASKED_BY_ANOTHER = {"rest"}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return make_env(tmp_path / ".env")


@pytest.fixture
def services(environ: dict[str, str]) -> dict[str, Any]:
    found = compose(environ)["services"]
    assert isinstance(found, dict)
    return found


def test_it_is_valid_against_the_compose_specification() -> None:
    done = subprocess.run(
        [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(COMPOSE_FILE)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def test_every_container_is_read_only_and_without_new_privileges(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service.keys().isdisjoint({"privileged", "cap_add", "devices"}), name
        assert service["pids_limit"] <= 512, name


def test_every_container_has_a_memory_limit_above_that_of_its_redis(
    services: dict[str, Any],
) -> None:
    limits_mib = {name: mib(service["mem_limit"]) for name, service in services.items()}
    maxmemory = {
        name: re.search(r"^maxmemory (\w+)$", (DOCKER / "redis" / file).read_text(), re.MULTILINE)
        for name, file in (("redis", "ledger.conf"), ("cache", "cache.conf"))
    }

    assert limits_mib.keys() == services.keys()
    assert maxmemory["redis"] is not None
    assert maxmemory["cache"] is not None
    # Redis may need twice its memory, because it forks to rewrite its append-only file.
    assert limits_mib["redis"] > 2 * mib(maxmemory["redis"][1])
    assert limits_mib["cache"] > mib(maxmemory["cache"][1])
    assert limits_mib["db"] > mib(services["db"]["shm_size"]) + 512


def mib(size: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(m|g)b?", size.lower()).groups()  # type: ignore[union-attr]
    return int(number) * {"m": 1, "g": 1024}[unit]


def test_no_container_runs_as_root(services: dict[str, Any]) -> None:
    # The Dockerfiles set the user of the two images that are built from this repository.
    for name, service in services.items():
        if "build" not in service:
            assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"]), name


def test_images_are_pinned_to_one_version(services: dict[str, Any]) -> None:
    for name, service in services.items():
        if "build" not in service:
            assert re.search(r":v?\d+\.\d+\.\d+", service["image"]), name


def test_every_server_restarts_and_has_a_health_check(services: dict[str, Any]) -> None:
    for name, service in services.items():
        disabled = service.get("healthcheck", {}).get("disable", False)
        assert disabled is (name in ONE_SHOT | ASKED_BY_ANOTHER), name
        assert "healthcheck" in service or "build" in service, name
        assert service["restart"] == ("on-failure:3" if name in ONE_SHOT else "unless-stopped"), name


def test_the_published_gateway_starts_and_authentication_is_configurable(
    services: dict[str, Any],
) -> None:
    gateway = services["gateway"]

    check_bind_address(load_settings(gateway["environment"]))

    assert gateway["ports"] == ["127.0.0.1:8000:8000"]
    # A value in the compose file would override settings.env.
    assert "AUTH" not in gateway["environment"]


def test_every_secret_comes_from_a_variable(environ: dict[str, str]) -> None:
    text = COMPOSE_FILE.read_text()
    passwords_in_urls = re.findall(r"\w+://[^\s:/@]*:([^@\n]+)@", text)
    named = re.findall(r"^\s+(\w*(?:PASSWORD|SECRET|_KEY|AUTH)): (.+)$", text, re.MULTILINE)

    assert len(passwords_in_urls) == 4
    assert {name for name, _ in named} == {
        "REDISCLI_AUTH",
        "POSTGRES_PASSWORD",
        "AUTHENTICATOR_PASSWORD",
        "PGRST_JWT_SECRET",
        "SUPABASE_KEY",
    }
    for value in [*passwords_in_urls, *(value for _, value in named)]:
        assert re.fullmatch(r"\$\{[A-Z_]+:\?run ops/docker/make_env\.py\}", value)


def test_make_env_writes_every_required_variable(environ: dict[str, str]) -> None:
    assert required_variables(COMPOSE_FILE.read_text()) <= environ.keys()


def test_the_example_env_file_lists_every_variable_and_no_secret(environ: dict[str, str]) -> None:
    example = read_env(ROOT / ".env.example")

    assert example.keys() == environ.keys()
    assert set(example.values()) == {""}


@pytest.mark.parametrize("name", ["gateway", "worker"])
def test_every_service_accepts_its_settings(name: str, services: dict[str, Any]) -> None:
    environment = services[name]["environment"]

    settings = load_settings(environment)

    assert environment.keys() <= {field.upper() for field in Settings.model_fields}
    assert settings.supabase_url == "http://supabase:8080"
    assert settings.cache_url != settings.redis_url
    assert settings.database_url is None


def test_gateway_and_workers_have_the_same_public_url(services: dict[str, Any]) -> None:
    addresses = {services[name]["environment"].get("PUBLIC_URL") for name in ("gateway", "worker")}

    assert addresses == {"http://localhost:8000"}


def test_the_gateway_serves_the_thumbnails_that_an_ingest_writes(services: dict[str, Any]) -> None:
    folders = {services[name]["environment"]["THUMBNAIL_DIR"] for name in ("gateway", "worker", "demo")}

    assert folders == {"/thumbnails"}
    assert "thumbnails:/thumbnails:ro" in services["gateway"]["volumes"]
    assert "thumbnails:/thumbnails" in services["demo"]["volumes"]


def test_an_empty_setting_switches_thumbnails_off(environ: dict[str, str]) -> None:
    services = compose(environ | {"THUMBNAIL_DIR": ""})["services"]

    folders = {services[name]["environment"]["THUMBNAIL_DIR"] for name in ("gateway", "worker", "demo")}
    assert folders == {""}
    assert load_settings({"THUMBNAIL_DIR": ""}).thumbnail_dir is None


def test_the_workers_grace_period_exceeds_its_drain_time(services: dict[str, Any]) -> None:
    grace_s = int(services["worker"]["stop_grace_period"].removesuffix("s"))

    assert grace_s > Settings().drain_s


def test_python_runs_under_an_init_that_forwards_signals(services: dict[str, Any]) -> None:
    # A worker that runs as process 1 ignores SIGTERM while it loads its model.
    assert all(service["init"] is True for service in services.values() if "build" in service)


def test_only_the_gateway_is_published_and_only_on_loopback(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}

    assert published == {"gateway": ["127.0.0.1:8000:8000"]}


def test_gateway_and_workers_cannot_reach_the_database(environ: dict[str, str]) -> None:
    document = compose(environ)
    services, networks = document["services"], document["networks"]

    on_database = {name for name, service in services.items() if "database" in service["networks"]}

    assert on_database == {"db", "migrate", "rest", "supabase", "demo"}
    assert {name for name, network in networks.items() if not network.get("internal")} == {"edge"}


def test_only_catalog_writers_get_the_owners_password(
    services: dict[str, Any], environ: dict[str, str]
) -> None:
    given = {name for name, service in services.items() if environ["POSTGRES_PASSWORD"] in str(service)}

    assert given == {"db", "migrate", "demo"}


def test_no_container_gets_the_write_key(services: dict[str, Any], environ: dict[str, str]) -> None:
    assert environ["SERVICE_ROLE_KEY"] not in str(services)


def test_every_mounted_file_exists(services: dict[str, Any]) -> None:
    mounts = [volume for service in services.values() for volume in service.get("volumes", [])]
    files = [mount for mount in mounts if mount.startswith("./")]

    assert len(files) == 4
    for mount in files:
        source, _, mode = mount.split(":")
        assert (ROOT / source).is_file()
        assert mode == "ro"


def test_the_supabase_override_replaces_the_local_catalog(services: dict[str, Any]) -> None:
    class Loader(yaml.SafeLoader):
        """A YAML loader that reads a value with Compose's tag `!override` as a plain value."""

    Loader.add_constructor("!override", _plain)
    override = yaml.load((DOCKER / "own-supabase.yml").read_text(), Loader)["services"]
    left_out = {name for name, service in override.items() if "profiles" in service}

    assert left_out == {"db", "migrate", "rest", "supabase"}
    for name in ("gateway", "worker"):
        assert left_out.isdisjoint(override[name]["depends_on"])
        assert override[name]["depends_on"].items() <= services[name]["depends_on"].items()
        assert set(override[name]["networks"]) == {"edge", "queue"}


def _plain(loader: yaml.SafeLoader, node: yaml.Node) -> object:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)
