"""Creates the source of covers for tables with ids of releases, from arguments and settings."""

import argparse

from catalog.ingest.covers.fetch.command_line_options import open_fetcher
from catalog.ingest.covers.fetch.fetcher import CoverFetcher
from catalog.ingest.covers.fetch.shared_turns import SharedTurns
from catalog.ingest.covers.releases.cover_art_archive import ReleaseCovers
from catalog.ingest.covers.releases.musicbrainz import ANSWER_MAX_BYTES, REQUESTS_PER_S, MusicBrainz
from catalog.ingest.covers.releases.remembered_answers import RememberedAnswers
from catalog.ingest.covers.urls import CoverUrls
from common.errors import SettingsError
from common.settings import Settings

_FILE = "releases.sqlite"
_TURNS_FILE = "musicbrainz-next-request"


def open_release_covers(options: argparse.Namespace, settings: Settings, *, recheck: bool) -> ReleaseCovers:
    """Return a source of covers; with `recheck`, it asks again for releases and covers that were not found.

    Raises:
        SettingsError: FETCH_CONTACT is not set, or a file in MODEL_CACHE_DIR cannot be used.
    """
    if settings.fetch_contact is None:
        raise SettingsError(
            "FETCH_CONTACT: MusicBrainz and the Cover Art Archive require a contact in the User-Agent: set "
            "FETCH_CONTACT to your e-mail address or web page"
        )
    folder = settings.model_cache_dir.expanduser()
    musicbrainz = CoverFetcher(
        max_bytes=ANSWER_MAX_BYTES,
        allow_private=options.allow_private,
        per_host=REQUESTS_PER_S,
        user_agent=settings.user_agent,
        pictures_only=False,
        turns=SharedTurns(folder / _TURNS_FILE, REQUESTS_PER_S),
    )
    return ReleaseCovers(
        CoverUrls(open_fetcher(options, settings), recheck=recheck),
        MusicBrainz(musicbrainz, settings.musicbrainz_url),
        RememberedAnswers(folder / _FILE, forget_negative=recheck),
        archive_url=settings.cover_art_archive_url,
    )
