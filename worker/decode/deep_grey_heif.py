"""Reads grey HEIF pictures of more than 8 bits without pi-heif's own scaling, which can write past a buffer.

pi-heif 1.4.0 scales the samples of such a picture in place, and takes their size from the header (`hvcC`)
instead of the decoded plane. If the header declares 10 bits and the coded samples have 8, pi-heif writes
twice as many bytes as the plane has.
"""

from typing import Any

import numpy as np
from pi_heif import HeifFile, HeifImageFile

_SAMPLE_BYTES, _SAMPLE_BITS = 2, 16
_DEEP_GREY = "I;16"


class SafeHeifImageFile(HeifImageFile):  # type: ignore[misc]  # pi-heif declares no types
    """Pillow's image file for HEIF, which reads grey samples of more than 8 bits itself."""

    def _open(self) -> None:
        super()._open()
        if self.mode == _DEEP_GREY:
            self.fp.seek(0)
            # Without `hdr_to_16bit`, pi-heif returns the decoded plane unchanged.
            self._heif_file = HeifFile(
                self.fp, convert_hdr_to_8bit=True, hdr_to_16bit=False, remove_stride=False
            )

    def load(self) -> Any:
        if self._heif_file is None or self.mode != _DEEP_GREY:
            return super().load()
        frame = self._heif_file[self.tell()]
        plane, self._size = np.frombuffer(frame.data, np.uint8), frame.size
        self._heif_file = None
        width, height = self.size
        if frame.stride < _SAMPLE_BYTES * width:
            raise ValueError("the samples have fewer bits than the header declares")
        rows = plane.reshape(height, frame.stride)[:, : _SAMPLE_BYTES * width]
        samples = np.ascontiguousarray(rows).view("<u2") << (_SAMPLE_BITS - int(frame.info["bit_depth"]))
        self.load_prepare()
        self.frombytes(samples.astype("<u2").tobytes(), "raw", _DEEP_GREY)
        return super().load()
