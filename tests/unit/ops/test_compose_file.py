"""What docker-compose.yml promises: a valid file, hardened containers, no secret, networks that separate."""

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

ONE_SHOT = {"migrate", "demo"}
#: Its image holds one binary and nothing to ask it with; `supabase` asks for it.
ASKED_BY_ANOTHER = {"rest"}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return make_env(tmp_path / ".env")


@pytest.fixture
def services(environ: dict[str, str]) -> dict[str, Any]:
    found = compose(environ)["services"]
    assert isinstance(found, dict)
    return found


def test_it_is_valid_by_the_compose_specification() -> None:
    done = subprocess.run(
        [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(COMPOSE_FILE)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def test_no_container_may_write_to_its_image_or_gain_a_right(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service.keys().isdisjoint({"privileged", "cap_add", "devices"}), name
        assert service["pids_limit"] <= 512, name


def test_no_container_may_take_the_machines_memory_and_the_ledger_is_full_before_it_is_killed(
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
    # The rewrite of its file forks, and may copy every page.
    assert limits_mib["redis"] > 2 * mib(maxmemory["redis"][1])
    assert limits_mib["cache"] > mib(maxmemory["cache"][1])
    assert limits_mib["db"] > mib(services["db"]["shm_size"]) + 512


def mib(size: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(m|g)b?", size.lower()).groups()  # type: ignore[union-attr]
    return int(number) * {"m": 1, "g": 1024}[unit]


def test_no_container_runs_as_root(services: dict[str, Any]) -> None:
    # The two images that are built here name their user in the Dockerfile (test_dockerfiles.py).
    for name, service in services.items():
        if "build" not in service:
            assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"]), name


def test_images_are_pinned_to_one_version(services: dict[str, Any]) -> None:
    for name, service in services.items():
        if "build" not in service:
            assert re.search(r":v?\d+\.\d+\.\d+", service["image"]), name


def test_what_serves_comes_back_and_says_how_it_is(services: dict[str, Any]) -> None:
    for name, service in services.items():
        disabled = service.get("healthcheck", {}).get("disable", False)
        assert disabled is (name in ONE_SHOT | ASKED_BY_ANOTHER), name
        assert "healthcheck" in service or "build" in service, name
        assert service["restart"] == ("on-failure:3" if name in ONE_SHOT else "unless-stopped"), name


def test_the_gateway_starts_as_it_is_published_and_settings_may_ask_for_keys(
    services: dict[str, Any],
) -> None:
    gateway = services["gateway"]

    check_bind_address(load_settings(gateway["environment"]))

    assert gateway["ports"] == ["127.0.0.1:8000:8000"]
    # What stands here would win over settings.env.
    assert "AUTH" not in gateway["environment"]


def test_every_value_that_is_a_secret_comes_from_outside(environ: dict[str, str]) -> None:
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


def test_make_env_writes_every_variable_that_is_required(environ: dict[str, str]) -> None:
    assert required_variables(COMPOSE_FILE.read_text()) <= environ.keys()


def test_the_example_names_what_make_env_writes_and_holds_no_secret(environ: dict[str, str]) -> None:
    example = read_env(ROOT / ".env.example")

    assert example.keys() == environ.keys()
    assert set(example.values()) == {""}


@pytest.mark.parametrize("name", ["gateway", "worker"])
def test_a_service_is_given_settings_that_it_accepts(name: str, services: dict[str, Any]) -> None:
    environment = services[name]["environment"]

    settings = load_settings(environment)

    assert environment.keys() <= {field.upper() for field in Settings.model_fields}
    assert settings.supabase_url == "http://supabase:8080"
    assert settings.cache_url != settings.redis_url
    assert settings.database_url is None


def test_gateway_and_workers_name_covers_by_the_same_public_address(services: dict[str, Any]) -> None:
    addresses = {services[name]["environment"].get("PUBLIC_URL") for name in ("gateway", "worker")}

    assert addresses == {"http://localhost:8000"}


def test_a_worker_is_given_longer_to_stop_than_it_takes_to_drain(services: dict[str, Any]) -> None:
    grace_s = int(services["worker"]["stop_grace_period"].removesuffix("s"))

    assert grace_s > Settings().drain_s


def test_python_runs_under_an_init_that_passes_signals_on(services: dict[str, Any]) -> None:
    # As process 1 a worker that still loads its model would not notice SIGTERM.
    assert all(service["init"] is True for service in services.values() if "build" in service)


def test_only_the_gateway_is_published_and_only_to_this_machine(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}

    assert published == {"gateway": ["127.0.0.1:8000:8000"]}


def test_gateway_and_workers_cannot_reach_the_database(environ: dict[str, str]) -> None:
    document = compose(environ)
    services, networks = document["services"], document["networks"]

    on_database = {name for name, service in services.items() if "database" in service["networks"]}

    assert on_database == {"db", "migrate", "rest", "supabase", "demo"}
    assert {name for name, network in networks.items() if not network.get("internal")} == {"edge"}


def test_the_owners_password_goes_only_where_the_catalog_is_written(
    services: dict[str, Any], environ: dict[str, str]
) -> None:
    given = {name for name, service in services.items() if environ["POSTGRES_PASSWORD"] in str(service)}

    assert given == {"db", "migrate", "demo"}


def test_the_key_that_may_write_goes_to_no_container(
    services: dict[str, Any], environ: dict[str, str]
) -> None:
    assert environ["SERVICE_ROLE_KEY"] not in str(services)


def test_every_file_that_is_mounted_exists(services: dict[str, Any]) -> None:
    mounts = [volume for service in services.values() for volume in service.get("volumes", [])]
    files = [mount for mount in mounts if mount.startswith("./")]

    assert len(files) == 4
    for mount in files:
        source, _, mode = mount.split(":")
        assert (ROOT / source).is_file()
        assert mode == "ro"


def test_a_supabase_of_ones_own_replaces_the_local_catalog(services: dict[str, Any]) -> None:
    class Loader(yaml.SafeLoader):
        """Reads Compose's `!override` as what it stands before."""

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
