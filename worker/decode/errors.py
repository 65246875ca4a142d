"""What goes wrong with a decoder rather than with an image; both may pass.

ImageError
├── DecoderDied    its process was killed, or ran out of time and was ended
└── DecoderBusy    no decoder became free in time
"""

from common.errors import ImageError


class DecoderDied(ImageError):
    """The process that decoded the image ended, by the image's doing or by chance."""

    code = "decoder_died"
    retryable = True


class DecoderBusy(ImageError):
    code = "decoder_busy"
    retryable = True
