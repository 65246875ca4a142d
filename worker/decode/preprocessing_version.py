"""The version of the preprocessing; different versions can produce different pixels from the same file.

1   every file is treated as sRGB
2   colour spaces other than sRGB are converted as in a browser; newly supported: TIFFs of 12 bits, and of 16
    bits with white as zero or in planes; a transparent colour in PNGs of 2, 4 and 16 bits; the transparent
    canvas around the first frame of a GIF or WebP; BMPs with one bit of alpha

From a JPEG, PNG or WebP with 8-bit sRGB samples, both versions produce the same pixels and therefore the same
vector.
"""

import hashlib

#: The current version; increased whenever decoding any file produces different pixels.
PREPROCESSING_VERSION = 2


def preprocessed(fingerprint: str) -> str:
    """Return a hash of an encoder's fingerprint and the current preprocessing version."""
    return hashlib.sha256(f"{fingerprint}:preprocessing {PREPROCESSING_VERSION}".encode()).hexdigest()
