"""The version of the preprocessing; different versions can make different pixels from the same file.

1   every file is treated as sRGB
2   colour spaces other than sRGB are converted as in a browser; newly supported: TIFFs of 12 bits, and of 16
    bits with white as zero or in planes; a transparent colour in PNGs of 2, 4 and 16 bits; the transparent
    canvas around the first frame of a GIF or WebP; BMPs with one bit of alpha

Both versions make the same pixels, and so the same vector, from a JPEG, PNG or WebP with 8-bit sRGB samples.
"""

import hashlib

#: The current version, which is increased whenever decoding makes different pixels from any file.
PREPROCESSING_VERSION = 2


def preprocessed(fingerprint: str) -> str:
    """Return a hash of an encoder's fingerprint and the current preprocessing version."""
    return hashlib.sha256(f"{fingerprint}:preprocessing {PREPROCESSING_VERSION}".encode()).hexdigest()
