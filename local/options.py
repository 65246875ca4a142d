"""The environment variables that `make run` reads in addition to the settings of gateway and worker."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from common.errors import SettingsError
from common.settings import Settings, is_given_as_empty, load_settings
from common.validation.strict_numbers import read_whole_number
from local.phone.access import phone_defaults
from local.state_folder import redis_folder, shared_folder, state_folder

#: The folder of this repository's small CLIP model, trained on generated covers (models/demo/README.md).
DEMO_MODEL = Path(str(files("models"))) / "demo"
DEMO_ALBUMS = 2000
#: The name of the folder of the demo's thumbnails, which is beside the folder of its covers.
THUMBNAILS = "thumbnails"


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """The configuration of one `make run`."""

    state: Path
    workers: int
    settings: Settings
    environ: Mapping[str, str]
    #: The number of demo albums to load; 0 loads none and keeps the albums of the catalog.
    demo_albums: int = DEMO_ALBUMS
    #: The folder of music that is loaded instead of the demo, or None.
    music: Path | None = None

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
    def postgres_folder(self) -> Path:
        return self.state / "postgres"

    @property
    def model(self) -> str | Path:
        """The model, as an absolute path if it is a folder, for processes in other working directories."""
        folder = Path(self.settings.clip_model).expanduser()
        return folder.absolute() if folder.is_dir() else self.settings.clip_model

    @property
    def covers(self) -> Path:
        if self.demo_albums == 0 and self.settings.covers_dir is not None:
            return self.settings.covers_dir.expanduser().absolute()
        return self.state / "covers"

    @property
    def is_for_phones(self) -> bool:
        return self.environ.get("PHONE") == "1"

    @property
    def public_url(self) -> str:
        """The address at which clients reach the gateway."""
        return self.settings.public_url or self.url

    @property
    def url(self) -> str:
        return f"http://{_reachable(self.settings.host)}:{self.settings.port}"


def read_options(environ: Mapping[str, str]) -> LocalOptions:
    """Read MUSIC, STATE_DIR, WORKERS, DEMO_ALBUMS, PHONE and all settings.

    CLIP_MODEL defaults to the demo model, unless a catalog or a folder of music is given.

    Raises:
        SettingsError: a variable is malformed.
    """
    models = str(shared_folder(environ) / "models")
    defaults = {"CLIP_MODEL": str(DEMO_MODEL), "MODEL_CACHE_DIR": models}
    # A catalog given by URL is assumed to contain the production model's vectors, unless the user sets
    # CLIP_MODEL.
    if environ.get("SUPABASE_URL") or environ.get("DATABASE_URL"):
        del defaults["CLIP_MODEL"]
    else:
        defaults["THUMBNAIL_DIR"] = str(state_folder(environ) / THUMBNAILS)
    music = _music(environ)
    if music is not None:
        # The demo's model was trained on drawn covers only.
        defaults.pop("CLIP_MODEL", None)
        defaults["DEMO_ALBUMS"] = "0"
    given = {name: value for name, value in environ.items() if value or is_given_as_empty(name, environ)}
    merged = {**defaults, **phone_defaults(given), **given}
    return LocalOptions(
        state=state_folder(environ),
        workers=_whole(merged.get("WORKERS", "1"), name="WORKERS", minimum=1),
        settings=load_settings(merged),
        environ=merged,
        demo_albums=_whole(merged.get("DEMO_ALBUMS", str(DEMO_ALBUMS)), name="DEMO_ALBUMS", minimum=0),
        music=music,
    )


def _music(environ: Mapping[str, str]) -> Path | None:
    if not environ.get("MUSIC"):
        return None
    folder = Path(environ["MUSIC"]).expanduser().absolute()
    if not folder.is_dir():
        raise SettingsError(f"MUSIC: {folder} is not a folder")
    if environ.get("DEMO_ALBUMS", "0") not in {"", "0"}:
        raise SettingsError("MUSIC and DEMO_ALBUMS: a catalog contains either the music or the demo")
    return folder


def _whole(value: str, *, name: str, minimum: int) -> int:
    try:
        return read_whole_number(value, least=minimum)
    except ValueError as error:
        raise SettingsError(f"{name}: {error}") from None


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in {"0.0.0.0", "::", ""} else host  # noqa: S104 - compared, not bound


def own_environment() -> Mapping[str, str]:
    """Return this process's environment variables; no other function in `local` reads them."""
    return dict(os.environ)
