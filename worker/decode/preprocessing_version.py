"""The version of the preprocessing; different versions can produce different pixels from the same file.

- Version 1 treats every file as sRGB.
- Version 2 converts colour spaces other than sRGB as a browser does.
- Version 2 adds support for 12-bit TIFFs, and for 16-bit TIFFs with WhiteIsZero or with separate planes.
- Version 2 adds support for transparent colours in PNGs of 2, 4 and 16 bits, and BMPs with 1 bit of alpha.
- Version 2 makes the canvas around the first frame of a GIF or WebP transparent.

From a JPEG, PNG or WebP with 8-bit sRGB samples, both versions produce the same pixels and therefore the same
vector.
"""

import hashlib

#: The current version; it must be increased whenever any file is decoded to different pixels.
PREPROCESSING_VERSION = 2


def preprocessed(fingerprint: str) -> str:
    """Return a hash of an encoder's fingerprint and the current preprocessing version."""
    return hashlib.sha256(f"{fingerprint}:preprocessing {PREPROCESSING_VERSION}".encode()).hexdigest()
