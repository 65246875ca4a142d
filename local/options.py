"""The environment variables of `make run`, in addition to the settings of gateway and worker."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from common.errors import SettingsError
from common.settings import Settings, load_settings

#: The folder of this repository's small CLIP model, trained on generated covers (models/demo/README.md).
DEMO_MODEL = Path(str(files("models"))) / "demo"
DEMO_ALBUMS = 2000
#: The default state folder, in the working directory.
DEFAULT_STATE = Path(".state")
DEFAULT_PORT = str(Settings.model_fields["port"].default)


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """The configuration of one `make run`."""

    state: Path
    workers: int
    settings: Settings
    environ: Mapping[str, str]
    demo_albums: int = DEMO_ALBUMS

    @property
    def embeds_redis(self) -> bool:
        return not self.environ.get("REDIS_URL")

    @property
    def embeds_postgres(self) -> bool:
        return not (self.environ.get("DATABASE_URL") or self.environ.get("SUPABASE_URL"))

    @property
    def asks_for_keys(self) -> bool:
        return self.settings.auth != "off"

    @property
    def redis_folder(self) -> Path:
        return redis_folder(self.state)

    @property
    def covers(self) -> Path:
        return self.state / "covers"

    @property
    def url(self) -> str:
        return f"http://{_reachable(self.settings.host)}:{self.settings.port}"


def read_options(environ: Mapping[str, str]) -> LocalOptions:
    """Read STATE_DIR, WORKERS, DEMO_ALBUMS and every setting; CLIP_MODEL defaults to the demo model.

    Raises:
        SettingsError: a variable is malformed.
    """
    models = Path(environ.get("STATE_DIR") or DEFAULT_STATE).expanduser().absolute() / "models"
    defaults = {"CLIP_MODEL": str(DEMO_MODEL), "MODEL_CACHE_DIR": str(models)}
    # A user's own catalog has vectors of the production model, unless the user sets CLIP_MODEL.
    if environ.get("SUPABASE_URL") or environ.get("DATABASE_URL"):
        del defaults["CLIP_MODEL"]
    merged = defaults | {name: value for name, value in environ.items() if value}
    return LocalOptions(
        state=state_folder(environ),
        workers=_whole(merged.get("WORKERS", "1"), name="WORKERS"),
        settings=load_settings(merged),
        environ=merged,
        demo_albums=_whole(merged.get("DEMO_ALBUMS", str(DEMO_ALBUMS)), name="DEMO_ALBUMS"),
    )


def state_folder(environ: Mapping[str, str]) -> Path:
    """Return STATE_DIR, by default a separate folder for each port, so that several stacks can run."""
    given, port = environ.get("STATE_DIR"), environ.get("PORT") or DEFAULT_PORT
    if given:
        return Path(given).expanduser().absolute()
    default = DEFAULT_STATE.absolute()
    return default if port == DEFAULT_PORT else default / f"port-{port}"


def redis_folder(state: Path) -> Path:
    """Return the folder of a stack's embedded Redis."""
    return state / "redis"


def _whole(value: str, *, name: str) -> int:
    if not value.isdecimal() or int(value) == 0:
        raise SettingsError(f"{name}: a whole number of at least 1, not {value!r}")
    return int(value)


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in {"0.0.0.0", "::", ""} else host  # noqa: S104 - compared, not bound


def own_environment() -> Mapping[str, str]:
    """Return this process's environment variables; no other function in `local` reads them."""
    return dict(os.environ)
