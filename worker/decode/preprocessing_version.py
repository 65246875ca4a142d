"""The version of the preprocessing, which identifies the pixels that decoding makes from a file.

1   samples as in the file, always treated as sRGB
2   pixels as in a browser: other colour spaces are converted; TIFFs of 12 bits, and of 16 bits with white as
    zero or in planes; a transparent colour in PNGs of 2, 4 and 16 bits; the canvas around the first frame of
    a GIF or WebP; BMPs with one bit of alpha

Both versions make the same pixels, and so the same vector, from a JPEG, PNG or WebP with 8-bit sRGB samples.
"""

import hashlib

#: Increased whenever decoding makes different pixels from any file.
PREPROCESSING_VERSION = 2


def preprocessed(fingerprint: str) -> str:
    """Return the fingerprint of encoder and preprocessing together, from the encoder's fingerprint."""
    return hashlib.sha256(f"{fingerprint}:preprocessing {PREPROCESSING_VERSION}".encode()).hexdigest()
