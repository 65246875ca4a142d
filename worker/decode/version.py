"""The version of the preprocessing: which pixels decoding makes of a file.

1   samples as they are in the file, sRGB whatever it says
2   as a browser shows them: colours of other spaces are converted; TIFFs of 12 bits, and of 16 bits with
    white as zero or in planes; a transparent colour in PNGs of 2, 4 and 16 bits; the canvas around the first
    frame of a GIF or WebP; BMPs with one bit of alpha

A cover that both show alike has the same vector in both: any JPEG, PNG or WebP of 8 bits a sample in sRGB.
"""

import hashlib

#: Raised whenever any file gets other pixels than before.
PREPROCESSING_VERSION = 2


def preprocessed(fingerprint: str) -> str:
    """Return the fingerprint of embeddings that an encoder makes of files, from the encoder's own."""
    return hashlib.sha256(f"{fingerprint}:preprocessing {PREPROCESSING_VERSION}".encode()).hexdigest()
