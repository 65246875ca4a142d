"""Albums of the test library whose tags, pictures, files or folders are unusual."""

import os
import unicodedata
from collections.abc import Callable
from dataclasses import replace

from catalog.demo.albums import DemoAlbum
from tests.music_library.containers import MPEG_FRAME, mp3, mp4, wma
from tests.music_library.id3 import Encoding, id3v1, id3v2
from tests.music_library.tags import LINK, Picture, PictureType, Tags
from tests.music_library.vorbis import flac, ogg_vorbis
from tests.music_library.writer import LibraryWriter, cover_of, tags_of

ARTIST_WITH_ACCENTS = "Blåfjäll Ångström"
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
NAME_MAX_BYTES = 255


def id3v1_only(write: LibraryWriter, album: DemoAlbum) -> None:
    folder = write.folder("id3v1")
    album = replace(album, album_name="First Version", genres=("Rock",))
    (folder / "1.mp3").write_bytes(MPEG_FRAME + id3v1(tags_of(album)))
    (folder / "cover.jpg").write_bytes(cover := cover_of(album))
    write.expect(album, tracks=1, cover=cover)


def id3v22(write: LibraryWriter, album: DemoAlbum) -> None:
    cover = cover_of(album)
    file = id3v2(tags_of(album, cover=cover), version=2) + MPEG_FRAME
    (write.folder(album.artist, album.album_name) / "1.mp3").write_bytes(file)
    write.expect(album, tracks=1, cover=cover)


def several_pictures(write: LibraryWriter, album: DemoAlbum) -> None:
    cover = cover_of(album)
    pictures = (
        Picture(cover_of(album, size_px=48), PictureType.BACK),
        Picture(cover_of(album, size_px=32), PictureType.ICON),
        Picture(cover),
        Picture(cover_of(album, size_px=64)),
    )
    tags = replace(tags_of(album), pictures=pictures)
    file = id3v2(tags, version=4, encoding=Encoding.UTF_8) + MPEG_FRAME
    (write.folder(album.artist, album.album_name) / "1.mp3").write_bytes(file)
    write.expect(album, tracks=1, cover=cover)


def byte_order_marks(write: LibraryWriter, album: DemoAlbum) -> None:
    folder, cover = write.folder(album.artist, "marks"), cover_of(album)
    tags = tags_of(album, cover=cover)
    (folder / "1.mp3").write_bytes(id3v2(tags, version=4) + MPEG_FRAME)
    marked = replace(tags, album=BOM + tags.album, artist=BOM + tags.artist, album_artist=BOM + tags.artist)
    (folder / "2.ogg").write_bytes(ogg_vorbis(replace(marked, track=2)))
    write.expect(album, tracks=2, cover=cover)


def latin_1_marked_as_utf_8(write: LibraryWriter, album: DemoAlbum) -> None:
    album, folder = replace(album, artist=ARTIST_WITH_ACCENTS), write.folder("latin")
    cover = cover_of(album)
    tags = tags_of(album, cover=cover)
    for version in (2, 3, 4):
        file = id3v2(
            replace(tags, track=version),
            version=version,
            encoding=Encoding.UTF_8,
            encode=lambda text: text.encode("latin-1"),
        )
        (folder / f"{version}.mp3").write_bytes(file + MPEG_FRAME)
    write.expect(album, tracks=3, cover=cover)


def null_separated_genres(write: LibraryWriter, album: DemoAlbum) -> None:
    album, cover = replace(album, genres=("Dub", "Ambient", "Folk")), cover_of(album)
    file = id3v2(tags_of(album, cover=cover), version=4, encoding=Encoding.UTF_8) + MPEG_FRAME
    (write.folder(album.artist, album.album_name) / "1.mp3").write_bytes(file)
    write.expect(album, tracks=1, cover=cover)


def genre_number(write: LibraryWriter, album: DemoAlbum) -> None:
    cover = cover_of(album)
    tags = replace(tags_of(album, cover=cover), genres=("(17)",))
    (write.folder(album.artist, album.album_name) / "1.mp3").write_bytes(mp3(tags))
    write.expect(album, tracks=1, cover=cover, genres=("Rock",))


def date_without_month(write: LibraryWriter, album: DemoAlbum) -> None:
    cover = cover_of(album)
    tags = replace(tags_of(album, cover=cover), date="1999-00-00")
    (write.folder(album.artist, album.album_name) / "1.mp3").write_bytes(mp3(tags))
    write.expect(album, tracks=1, cover=cover, release_year=1999)


def disc_folders(write: LibraryWriter, album: DemoAlbum) -> None:
    for disc in (1, 2):
        folder = write.folder(album.artist, album.album_name, f"CD {disc}")
        for track in (1, 2):
            tags = replace(tags_of(album, track), disc=disc)
            (folder / f"{track}.flac").write_bytes(flac(tags))
    cover = cover_of(album)
    (write.folder(album.artist, album.album_name) / "folder.jpg").write_bytes(cover)
    write.expect(album, tracks=4, cover=cover)


def discs_named_in_albums(write: LibraryWriter, album: DemoAlbum) -> None:
    cover = cover_of(album)
    for disc, ending in ((1, " (Disc 1)"), (2, " [CD2]")):
        folder = write.folder(album.artist, f"{album.album_name}{ending}")
        tags = replace(tags_of(album, cover=cover), album=f"{album.album_name}{ending}", disc=disc)
        (folder / "1.mp3").write_bytes(mp3(tags))
    write.expect(album, tracks=2, cover=cover)


def various_artists(write: LibraryWriter, album: DemoAlbum) -> None:
    folder, cover = write.folder("Compilations", album.album_name), cover_of(album)
    for track, artist in enumerate(("Ivory River", "Glass Motor"), start=1):
        tags = replace(tags_of(album, track, cover=cover), artist=artist, album_artist="Various Artists")
        (folder / f"{track}.m4a").write_bytes(mp4(tags))
    write.expect(album, tracks=2, cover=cover, artist="Various Artists")


def compilation_without_album_artist(write: LibraryWriter, album: DemoAlbum) -> None:
    folder, cover = write.folder("Compilations", album.album_name), cover_of(album)
    for track, artist in enumerate(("Ivory River", "Glass Motor", "Paper Hill"), start=1):
        tags = replace(tags_of(album, track, cover=cover), artist=artist, album_artist="")
        (folder / f"{track}.mp3").write_bytes(mp3(tags))
    write.expect(album, tracks=3, cover=cover, artist="Various Artists")


def same_album_in_two_formats(write: LibraryWriter, album: DemoAlbum) -> None:
    cover = cover_of(album)
    for name, write_file in ((".mp3", mp3), (".flac", flac)):
        folder = write.folder(album.artist, f"{album.album_name} [{name[1:].upper()}]")
        for track in (1, 2):
            (folder / f"{track}{name}").write_bytes(write_file(tags_of(album, track, cover=cover)))
    write.expect(album, tracks=2, cover=cover)


def huge_picture(write: LibraryWriter, album: DemoAlbum) -> None:
    folder, cover = write.folder(album.artist, album.album_name), cover_of(album)
    huge = cover_of(album, size_px=48) + bytes(30 << 20)
    (folder / "1.mp3").write_bytes(mp3(tags_of(album, cover=huge)))
    (folder / "cover.jpg").write_bytes(cover)
    write.expect(album, tracks=1, cover=cover)


def only_a_huge_picture(write: LibraryWriter, album: DemoAlbum) -> None:
    folder = write.folder(album.artist, album.album_name)
    huge = cover_of(album, size_px=48) + bytes(30 << 20)
    (folder / "1.mp3").write_bytes(mp3(tags_of(album, cover=huge)))
    write.expect(album, tracks=1, cover=None)


def undecodable_picture(write: LibraryWriter, album: DemoAlbum) -> None:
    folder, cover = write.folder(album.artist, album.album_name), cover_of(album)
    (folder / "1.mp3").write_bytes(mp3(tags_of(album, cover=cover[:200])))
    (folder / "cover.jpg").write_bytes(cover)
    write.expect(album, tracks=1, cover=cover)


def picture_is_a_link(write: LibraryWriter, album: DemoAlbum) -> None:
    folder, cover = write.folder(album.artist, album.album_name), cover_of(album)
    linked = Picture(b"https://covers.example/front.jpg", media_type=LINK)
    (folder / "1.mp3").write_bytes(mp3(replace(tags_of(album), pictures=(linked,))))
    (folder / "2.flac").write_bytes(flac(replace(tags_of(album, 2), pictures=(linked,))))
    (folder / "front.jpg").write_bytes(cover)
    write.expect(album, tracks=2, cover=cover)


def picture_file_is_a_symbolic_link(write: LibraryWriter, album: DemoAlbum) -> None:
    folder, cover = write.folder(album.artist, album.album_name), cover_of(album)
    (folder / "1.flac").write_bytes(flac(tags_of(album)))
    (write.folder("Scans") / "scan.jpg").write_bytes(cover)
    (folder / "cover.jpg").symlink_to(write.root / "Scans" / "scan.jpg")
    write.expect(album, tracks=1, cover=cover)


def empty_file(write: LibraryWriter, album: DemoAlbum) -> None:
    folder, cover = write.folder(album.artist, album.album_name), cover_of(album)
    (folder / "1.mp3").write_bytes(mp3(tags_of(album, cover=cover)))
    (folder / "2.mp3").write_bytes(b"")
    (folder / "3.flac").write_bytes(b"fLaC\x00\x00\x00\xff cut short")
    (folder / "._1.mp3").write_bytes(b"macOS writes such files")
    write.manifest.unreadable += [
        str((folder / name).relative_to(write.root)) for name in ("2.mp3", "3.flac")
    ]
    write.expect(album, tracks=1, cover=cover)


def decomposed_accents(write: LibraryWriter, album: DemoAlbum) -> None:
    album, cover = replace(album, album_name="Café Über Öl", artist="Zoë Née"), cover_of(album)
    folder = write.folder("accents", unicodedata.normalize("NFD", album.album_name))
    decomposed = replace(
        tags_of(album, 2),
        album=unicodedata.normalize("NFD", album.album_name),
        album_artist=unicodedata.normalize("NFD", album.artist),
    )
    (folder / "1.flac").write_bytes(flac(tags_of(album)))
    (write.folder("accents", "again") / "2.flac").write_bytes(flac(decomposed))
    (folder / "cover.jpg").write_bytes(cover)
    write.expect(album, tracks=2, cover=cover)


def long_names(write: LibraryWriter, album: DemoAlbum) -> None:
    folder, cover = write.folder(album.artist, "é" * (NAME_MAX_BYTES // 2) + "a"), cover_of(album)
    (folder / ("n" * (NAME_MAX_BYTES - 4) + ".mp3")).write_bytes(mp3(tags_of(album, cover=cover)))
    write.expect(album, tracks=1, cover=cover)


def read_only_folder(write: LibraryWriter, album: DemoAlbum) -> None:
    folder, cover = write.folder(album.artist, album.album_name), cover_of(album)
    (folder / "1.mp3").write_bytes(mp3(tags_of(album, cover=cover)))
    folder.chmod(0o555)
    write.expect(album, tracks=1, cover=cover)


def split_folders(write: LibraryWriter, album: DemoAlbum) -> None:
    cover, release = cover_of(album), "1f2e3d4c-0000-4000-8000-000000000001"
    for track, place in ((1, "Inbox"), (2, album.artist)):
        tags = replace(tags_of(album, track, cover=cover), release_id=release)
        (write.folder(place, album.album_name) / f"{track}.opus.mp3").write_bytes(mp3(tags))
    write.expect(album, tracks=2, cover=cover, metadata={"musicbrainz_album_id": release})


def no_tags(write: LibraryWriter, album: DemoAlbum) -> None:
    folder, cover = write.folder("Untagged Band", "Untagged Album"), cover_of(album)
    for track in (1, 2):
        (folder / f"{track}.mp3").write_bytes(MPEG_FRAME * track)
    (folder / "cover.jpg").write_bytes(cover)
    write.expect(
        album,
        tracks=2,
        cover=cover,
        artist="Untagged Band",
        album_name="Untagged Album",
        genres=(),
        release_year=None,
    )


def album_missing_in_one_track(write: LibraryWriter, album: DemoAlbum) -> None:
    folder, cover = write.folder(album.artist, album.album_name), cover_of(album)
    (folder / "1.mp3").write_bytes(mp3(tags_of(album, cover=cover)))
    (folder / "2.mp3").write_bytes(mp3(Tags(title="Untitled", track=2)))
    write.expect(album, tracks=2, cover=cover)


def reissue(write: LibraryWriter, album: DemoAlbum) -> None:
    folder, cover = write.folder(album.artist, album.album_name), cover_of(album)
    tags = replace(tags_of(album, cover=cover), date="2011-05-02", original_date="1973-03-01")
    for name, write_file in (("1.mp3", mp3), ("2.flac", flac), ("3.m4a", mp4), ("4.wma", wma)):
        (folder / name).write_bytes(write_file(replace(tags, track=int(name[0]))))
    details: dict[str, object] = {"reissue_year": 2011}
    write.expect(album, tracks=4, cover=cover, release_year=1973, metadata=details)


def two_releases_of_one_name(write: LibraryWriter, album: DemoAlbum) -> None:
    for number in (1, 2):
        release = f"2f2e3d4c-0000-4000-8000-00000000000{number}"
        cover = cover_of(album, size_px=64 + 16 * number)
        tags = replace(tags_of(album, cover=cover), release_id=release)
        (write.folder(album.artist, f"{album.album_name} {number}") / "1.flac").write_bytes(flac(tags))
        write.expect(album, tracks=1, cover=cover, metadata={"musicbrainz_album_id": release})


def loop_of_links(write: LibraryWriter, album: DemoAlbum) -> None:
    folder, cover = write.folder(album.artist, album.album_name), cover_of(album)
    (folder / "1.mp3").write_bytes(mp3(tags_of(album, cover=cover)))
    (folder / "again").symlink_to(folder.parent)
    (folder / "itself").symlink_to(folder / "itself")
    (folder / "2.mp3").symlink_to(folder / "1.mp3")
    (folder / "gone.mp3").symlink_to(folder / "nowhere.mp3")
    write.expect(album, tracks=1, cover=cover)


def largest_of_several_files(write: LibraryWriter, album: DemoAlbum) -> None:
    folder, cover = write.folder(album.artist, album.album_name), cover_of(album, size_px=120)
    (folder / "1.mp3").write_bytes(mp3(tags_of(album)))
    # More bytes, but fewer pixels than the largest picture.
    (folder / "cover.jpg").write_bytes(cover_of(album, size_px=60) + bytes(100_000))
    (folder / "front.jpg").write_bytes(cover)
    write.expect(album, tracks=1, cover=cover)


def no_cover(write: LibraryWriter, album: DemoAlbum) -> None:
    folder = write.folder(album.artist, album.album_name)
    (folder / "1.mp3").write_bytes(mp3(tags_of(album)))
    (folder / "cover.txt").write_text("not a picture")
    write.expect(album, tracks=1, cover=None)


def picture_of_another_type(write: LibraryWriter, album: DemoAlbum) -> None:
    folder, cover = write.folder(album.artist, album.album_name), cover_of(album)
    tags = replace(tags_of(album), pictures=(Picture(cover, PictureType.OTHER),))
    (folder / "1.mp3").write_bytes(mp3(tags))
    write.expect(album, tracks=1, cover=cover)


def artist_in_other_case(write: LibraryWriter, album: DemoAlbum) -> None:
    folder, cover = write.folder(album.artist, album.album_name), cover_of(album)
    tags = tags_of(album, cover=cover)
    for track in (1, 2, 3):
        artist = album.artist.lower() if track == 3 else album.artist
        (folder / f"{track}.mp3").write_bytes(mp3(replace(tags, track=track, album_artist=artist)))
    write.expect(album, tracks=3, cover=cover)


def names_that_are_not_utf_8(write: LibraryWriter, album: DemoAlbum) -> None:
    folder, cover = write.folder(album.artist, b"caf\xe9"), cover_of(album)
    (folder / os.fsdecode(b"m\xfcde.mp3")).write_bytes(mp3(tags_of(album, cover=cover)))
    write.expect(album, tracks=1, cover=cover)


ODDITIES: tuple[Callable[[LibraryWriter, DemoAlbum], None], ...] = (
    id3v1_only,
    id3v22,
    several_pictures,
    byte_order_marks,
    latin_1_marked_as_utf_8,
    null_separated_genres,
    genre_number,
    date_without_month,
    disc_folders,
    discs_named_in_albums,
    various_artists,
    compilation_without_album_artist,
    same_album_in_two_formats,
    huge_picture,
    only_a_huge_picture,
    undecodable_picture,
    picture_is_a_link,
    picture_file_is_a_symbolic_link,
    empty_file,
    decomposed_accents,
    long_names,
    read_only_folder,
    split_folders,
    no_tags,
    album_missing_in_one_track,
    reissue,
    two_releases_of_one_name,
    loop_of_links,
    largest_of_several_files,
    no_cover,
    picture_of_another_type,
    artist_in_other_case,
    names_that_are_not_utf_8,
)
