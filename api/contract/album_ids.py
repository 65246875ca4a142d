"""Which album ids can be asked for."""

from common.errors import AlbumNotFound
from common.queries import ALBUM_ID_MAX_CHARS


def check_album_id(album_id: str) -> str:
    """Return an id that an album may have.

    Raises:
        AlbumNotFound: PostgreSQL cannot hold it, or ingest does not take it.
    """
    if not 1 <= len(album_id) <= ALBUM_ID_MAX_CHARS or "\0" in album_id or not _is_unicode(album_id):
        raise AlbumNotFound("no album has such an id")
    return album_id


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        # Bytes of a path that are no UTF-8.
        return False
    return True
