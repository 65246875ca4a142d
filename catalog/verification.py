"""Checks that searches can find every album: schema, model, embeddings, index, covers, thumbnails, prints."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from catalog.ingest.covers.existing_album_covers import location_of
from catalog.ingest.missing.prints import GRACE_S, damaged_prints
from catalog.ingest.thumbnail_storage import ThumbnailStorage
from catalog.writer.paged_reads import all_albums, all_thumbnails
from catalog.writer.protocol import CatalogWriter, Findings
from common.catalog.protocol import EMBEDDING_DIMENSION, ModelStamp
from common.colours.palette import PALETTE_VERSION
from common.prints import PRINT_VERSION
from worker.decode.preprocessing_version import PREPROCESSING_VERSION


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check."""

    name: str
    holds: bool
    seen: str


def verify(
    writer: CatalogWriter,
    *,
    fingerprint: str | None,
    covers: Path | None,
    thumbnails: ThumbnailStorage | None = None,
) -> Iterator[Check]:
    """Yield the result of each check; `fingerprint` identifies the expected model, `covers` is a folder.

    Cover files and thumbnails are checked only if `covers` and `thumbnails` are given.

    Raises:
        CatalogMisconfigured: the schema, the key or the extension is wrong, so nothing can be checked.
    """
    writer.check()
    yield Check("schema", holds=True, seen=f"functions, table and vector({EMBEDDING_DIMENSION}) are in place")
    stamp = writer.model_stamp()
    yield _stamp(stamp, fingerprint)
    if stamp is not None:
        is_same = stamp.preprocessing == PREPROCESSING_VERSION
        yield Check("preprocessing", holds=is_same, seen=preprocessing_seen(stamp))
    yield from _warnings(writer)
    found = writer.findings()
    yield from _rows(found)
    yield _palettes(writer)
    yield from _prints(writer, albums=found.albums)
    yield from _index(found)
    if covers is not None:
        yield from _covers(writer, covers)
    if thumbnails is not None:
        yield from _thumbnails(writer, thumbnails)


def preprocessing_seen(stamp: ModelStamp) -> str:
    """Return the preprocessing version of the embeddings as text, with advice if the version is old."""
    if stamp.preprocessing == PREPROCESSING_VERSION:
        return f"version {stamp.preprocessing}"
    return (
        f"version {stamp.preprocessing}, and this release has {PREPROCESSING_VERSION}: if there are covers "
        "in other colours than plain sRGB (docs/catalog.md), run "
        f"python -m catalog reembed --model {stamp.model}"
    )


def _stamp(stamp: ModelStamp | None, fingerprint: str | None) -> Check:
    if stamp is None:
        return Check("model", holds=False, seen="the catalog does not say which model made its vectors")
    seen = f"{stamp.model} ({stamp.fingerprint[:12]})"
    if fingerprint is not None and stamp.fingerprint != fingerprint:
        return Check("model", holds=False, seen=f"{seen}, and not {fingerprint[:12]}")
    return Check("model", holds=True, seen=seen)


def _warnings(writer: CatalogWriter) -> Iterator[Check]:
    warned = {fault.problem: fault.detail for fault in writer.warnings()}
    for name, problem, well in (
        ("changes", "changes_untracked", "every change is noticed"),
        ("row limit", "rows_capped", "no row is cut off"),
    ):
        yield Check(name, holds=problem not in warned, seen=warned.get(problem, well))


def _rows(found: Findings) -> Iterator[Check]:
    missing = found.albums - found.embedded
    yield Check("albums", holds=found.albums > 0, seen=f"{found.albums}")
    remedy = ": python -m catalog ingest --missing" if missing else ""
    yield Check(
        "embeddings", holds=missing == 0, seen=f"{missing} albums have none and are never found{remedy}"
    )
    odd, nameless = found.not_unit_length, found.without_names
    yield Check("unit length", holds=odd == 0, seen=f"{odd} embeddings do not have length 1")
    yield Check("names", holds=nameless == 0, seen=f"{nameless} albums lack artist or title")


def _palettes(writer: CatalogWriter) -> Check:
    missing = writer.count_without_palette(version=PALETTE_VERSION)
    remedy = ": python -m catalog palettes" if missing else ""
    seen = f"{missing} albums have none and are never found by color{remedy}"
    return Check("palettes", holds=missing == 0, seen=seen)


def _prints(writer: CatalogWriter, *, albums: int) -> Iterator[Check]:
    counts = writer.print_counts(version=PRINT_VERSION)
    remedy = ": python -m catalog prints"
    # A catalog may do without prints, as the demo's does; one that has some must have all.
    holds = counts.missing in (0, albums)
    seen = f"{counts.missing} of {albums} albums have none and are not recognised in photographs"
    yield Check("prints", holds=holds, seen=seen + ("" if holds else remedy))
    old = counts.other_version
    seen = f"{old} are of another version than {PRINT_VERSION}" + (remedy if old else "")
    yield Check("print versions", holds=old == 0, seen=seen)
    damaged = set(damaged_prints(writer))
    seen = _some(damaged, "are damaged") + (f"{remedy} --check" if damaged else "")
    yield Check("print contents", holds=not damaged, seen=seen)
    unused = writer.count_unused_prints(grace_s=GRACE_S)
    # A cover that was replaced leaves its print, which does no harm.
    seen = f"{unused} belong to no album" + (f"{remedy} deletes them" if unused else "")
    yield Check("unused prints", holds=True, seen=seen)


def _index(found: Findings) -> Iterator[Check]:
    index = found.index
    if index is None or not index.valid:
        state = "there is none" if index is None else f"{index.name} was left unfinished"
        yield Check("index", holds=False, seen=f"{state}; run the ingest again to build it")
    else:
        yield Check("index", holds=True, seen=f"{index.name}, {index.size_bytes / 2**20:.1f} MiB")
        seen = "the planner uses it" if index.usable else "the planner does not use it"
        yield Check("index usable", holds=index.usable, seen=seen)
    yield _searches(found)


def _searches(found: Findings) -> Check:
    """Check that the index is usable if searches without filters need it."""
    if not found.walks:
        return Check("searches", holds=True, seen=f"exact scans of {found.albums} albums")
    if found.index is None or not (found.index.valid and found.index.usable):
        return Check("searches", holds=False, seen="an index scan is needed, but no index is usable")
    return Check("searches", holds=True, seen=f"index scans of {found.albums} albums")


def _covers(writer: CatalogWriter, folder: Path) -> Iterator[Check]:
    # `orphans` starts with all file names, and the loop removes every file name that an album refers to.
    orphans = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    lost = set()
    for album in all_albums(writer):
        source = album["cover_source"]
        if source is None or "://" in source:
            continue
        orphans.discard(source)
        if not (folder / source).is_file():
            lost.add(source)
    yield Check("cover files", holds=not lost, seen=_some(lost, "albums have lost theirs"))
    yield Check("orphaned files", holds=not orphans, seen=_some(orphans, "belong to no album"))


def _thumbnails(writer: CatalogWriter, storage: ThumbnailStorage) -> Iterator[Check]:
    used: set[str] = set()
    missing, remote = set(), 0
    for album in all_thumbnails(writer):
        if album.thumbnails is not None:
            used.update(album.thumbnails.digests())
        elif storage.allows(location_of(album.cover)):
            missing.add(album.cover.id)
        else:
            remote += 1
    disallowed = {cover.id for cover in storage.disallowed(all_thumbnails(writer))}
    if disallowed:
        what = "albums with covers at other hosts have thumbnails, but THUMBNAIL_REMOTE_COVERS is never"
        remedy = ": python -m catalog thumbnails --prune"
        yield Check("remote thumbnails", holds=False, seen=_some(disallowed, what) + remedy)
    seen = _some(missing, "albums have none") + (": python -m catalog thumbnails" if missing else "")
    if remote:
        seen += f"; {remote} have none because their covers are at other hosts"
    yield Check("thumbnails", holds=not missing, seen=seen)
    lost = {digest for digest in used if not storage.folder.is_intact(digest)}
    remedy = ": python -m catalog thumbnails --check-files" if lost else ""
    yield Check("thumbnail files", holds=not lost, seen=_some(lost, "are lost or damaged") + remedy)
    unused = {file.name for file in storage.folder.unused(used)}
    remedy = ": python -m catalog thumbnails --prune" if unused else ""
    yield Check("unused thumbnails", holds=not unused, seen=_some(unused, "belong to no album") + remedy)


def _some(names: Collection[str], what: str) -> str:
    shown = f" ({', '.join(sorted(names)[:3])}{' …' if len(names) > 3 else ''})" if names else ""  # noqa: PLR2004
    return f"{len(names)} {what}{shown}"
