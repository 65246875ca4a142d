"""Error messages for files of unsupported formats; each says what the file is and what its owner can do.

The format is detected by the file's first bytes. For an unknown file the message only lists the accepted
formats.
"""

import codecs
import re
from typing import NamedTuple

#: Number of bytes to examine at the start of a text file; an HTML page or an SVG drawing can begin with
#: comments.
_TEXT_BYTES = 4096
#: Adobe's reader accepts a PDF header within this number of bytes from the start of a file.
_PDF_BYTES = 1024

_SOUND_BRANDS = frozenset({b"M4A ", b"M4B ", b"M4P "})
#: The possible types of the first box in a QuickTime file without an `ftyp` box.
_QUICKTIME = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})


class _Kind(NamedTuple):
    signature: bytes
    at: int
    name: str


_PICTURE = "save it as JPEG, PNG or WebP"
_DOCUMENT = "export the picture as PNG or JPEG"
_ARCHIVE = "unpack it and send one picture"
_FRAME = "send a still picture, such as one frame as JPEG or PNG"
_RAW = "export it as JPEG"

#: Signatures of unsupported formats, grouped by the advice in the error message. The first match is used.
_KINDS = {
    _RAW: (
        _Kind(b"CR\x02", 8, "a camera's RAW file (CR2)"),
        _Kind(b"FUJIFILMCCD-RAW", 0, "a camera's RAW file (RAF)"),
        _Kind(b"IIRO", 0, "a camera's RAW file (ORF)"),
        _Kind(b"IIRS", 0, "a camera's RAW file (ORF)"),
        _Kind(b"MMOR", 0, "a camera's RAW file (ORF)"),
        _Kind(b"IIU\0", 0, "a camera's RAW file (RW2)"),
        _Kind(b"FOVb", 0, "a camera's RAW file (X3F)"),
        _Kind(b"\0MRM", 0, "a camera's RAW file (MRW)"),
        _Kind(b"ftypcrx ", 4, "a camera's RAW file (CR3)"),
    ),
    _PICTURE: (
        _Kind(b"\xff\x0a", 0, "a JPEG XL image"),
        _Kind(b"\0\0\0\x0cJXL \r\n\x87\n", 0, "a JPEG XL image"),
        _Kind(b"\0\0\0\x0cjP  \r\n\x87\n", 0, "a JPEG 2000 image"),
        _Kind(b"\xff\x4f\xff\x51", 0, "a JPEG 2000 image"),
        _Kind(b"II\xbc", 0, "a JPEG XR image"),
        _Kind(b"II+\0", 0, "a BigTIFF"),
        _Kind(b"MM\0+", 0, "a BigTIFF"),
        _Kind(b"CgBI", 12, "a PNG that was rewritten for iOS (CgBI)"),
        # A TGA file of the commonest kind begins like a cursor, and has zeros where a cursor counts pictures.
        *(_Kind(bytes((0, 0, kind, 0, 0, 0, 0, 0)), 0, "a TGA image") for kind in (2, 10)),
        _Kind(b"\0\0\1\0", 0, "an icon (ICO)"),
        _Kind(b"\0\0\2\0", 0, "a cursor (CUR)"),
        _Kind(b"icns", 0, "an icon (ICNS)"),
        _Kind(b"qoif", 0, "a QOI image"),
        _Kind(b"DDS ", 0, "a DDS texture"),
        _Kind(b"v/1\x01", 0, "an OpenEXR image"),
        _Kind(b"#?RADIANCE", 0, "a Radiance HDR image"),
        _Kind(b"SIMPLE  =", 0, "a FITS image"),
        _Kind(b"DICM", 128, "a DICOM image"),
        _Kind(b"BPG\xfb", 0, "a BPG image"),
        _Kind(b"FLIF", 0, "a FLIF image"),
        _Kind(b"\x8aMNG", 0, "an MNG animation"),
        _Kind(b"\x8bJNG", 0, "a JNG image"),
        *(_Kind(b"P%d\n" % kind, 0, "a Netpbm image") for kind in range(1, 8)),
    ),
    _DOCUMENT: (
        _Kind(b"%!PS", 0, "a PostScript document"),
        _Kind(b"\xc5\xd0\xd3\xc6", 0, "a PostScript document"),
        _Kind(b"8BPS", 0, "a Photoshop document (PSD)"),
        _Kind(b"gimp xcf", 0, "a GIMP document (XCF)"),
        _Kind(b"\xd0\xcf\x11\xe0", 0, "an Office document"),
        _Kind(b"{\\rtf", 0, "an RTF document"),
    ),
    _ARCHIVE: (
        _Kind(b"PK\x03\x04", 0, "a ZIP archive or an Office document"),
        _Kind(b"PK\x05\x06", 0, "an empty ZIP archive"),
        _Kind(b"\x1f\x8b", 0, "compressed (gzip)"),
        _Kind(b"BZh", 0, "compressed (bzip2)"),
        _Kind(b"\xfd7zXZ\0", 0, "compressed (xz)"),
        _Kind(b"\x28\xb5\x2f\xfd", 0, "compressed (zstd)"),
        _Kind(b"7z\xbc\xaf\x27\x1c", 0, "a 7z archive"),
        _Kind(b"Rar!\x1a\x07", 0, "a RAR archive"),
        _Kind(b"ustar", 257, "a TAR archive"),
    ),
    _FRAME: (
        _Kind(b"\x1aE\xdf\xa3", 0, "a video (WebM or Matroska)"),
        _Kind(b"AVI ", 8, "a video (AVI)"),
        _Kind(b"\0\0\1\xba", 0, "a video (MPEG)"),
        _Kind(b"\0\0\1\xb3", 0, "a video (MPEG)"),
        _Kind(b"FLV\x01", 0, "a video (FLV)"),
        _Kind(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", 0, "a video (WMV)"),
        _Kind(b"WAVE", 8, "a sound (WAV)"),
        _Kind(b"ID3", 0, "a sound (MP3)"),
        _Kind(b"fLaC", 0, "a sound (FLAC)"),
        _Kind(b"OggS", 0, "a sound or video (Ogg)"),
    ),
}
_SAVED_ERROR = "a download may have saved an error in its place; send the picture itself"
#: Patterns that match the lower-cased beginning of a text file, each with its error message.
_TEXTS = (
    (
        # JPEG, PNG, GIF and WebP
        re.compile(r"data:image/|/9j/|ivborw0kggo|r0lgod|uklgr"),
        "the file is base64 text of a picture; decode it and send the bytes",
    ),
    (
        re.compile(r"<(!doctype )?html|<(head|body|script|title)|<[!?].*<html", re.DOTALL),
        f"the file is an HTML page; {_SAVED_ERROR}",
    ),
    (re.compile(r"(<[!?].*)?<svg", re.DOTALL), "the file is an SVG drawing; render it as PNG"),
    (re.compile(r"<"), f"the file is XML; {_SAVED_ERROR}"),
    (re.compile(r"[{\[]"), f"the file is JSON; {_SAVED_ERROR}"),
    (re.compile(r""), f"the file is text; {_SAVED_ERROR}"),
)


def refusal(data: bytes, *, accepted: str) -> str:
    """Return an error message for a file that has none of the accepted formats."""
    if not data:
        return "the file is empty; send a picture"
    return _known_refusal(data) or _text_refusal(data[:_TEXT_BYTES]) or f"the file is not {accepted}"


def is_lookalike(data: bytes) -> bool:
    """Return whether a file is a CR2 file (which begins like TIFF) or an iOS PNG (which begins like PNG)."""
    return data.startswith(b"CR\x02", 8) or data.startswith(b"CgBI", 12)


def _known_refusal(data: bytes) -> str | None:
    for advice, kinds in _KINDS.items():
        for kind in kinds:
            if data.startswith(kind.signature, kind.at):
                return f"the file is {kind.name}; {advice}"
    if b"%PDF-" in data[:_PDF_BYTES]:
        return f"the file is a PDF document; {_DOCUMENT}"
    boxed = _media_name(data)
    return None if boxed is None else f"the file is {boxed}; {_FRAME}"


def _text_refusal(head: bytes) -> str | None:
    text = _as_text(head)
    if text is None:
        return None
    return next(sentence for pattern, sentence in _TEXTS if pattern.match(text))


def _as_text(head: bytes) -> str | None:
    """Return the start of a text file, in lower case and without leading blanks; None for a binary file."""
    encoding = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        # If the file continues after `head`, the last character of `head` can be incomplete.
        text = decoder.decode(head, final=len(head) < _TEXT_BYTES)
    except UnicodeDecodeError:
        # Old HTML pages can be in Latin-1 or a similar encoding.
        text = head.decode("latin-1") if head.lstrip().startswith(b"<") else "\0"
    if any(sign < " " and sign not in "\t\n\r\f" for sign in text):
        return None
    return text.lstrip().lower()


def _media_name(data: bytes) -> str | None:
    """Return a description of an MPEG-4 or QuickTime file, or None for a file of any other kind."""
    if data[4:8] in _QUICKTIME and data[:1] == b"\0":
        return "a video (QuickTime)"
    if data[4:8] != b"ftyp":
        return None
    if data[8:12] in _SOUND_BRANDS:
        return "a sound (MPEG-4)"
    return "a video (QuickTime)" if data[8:12] == b"qt  " else "a video (MP4)"
