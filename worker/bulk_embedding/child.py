"""The process that decodes and embeds batches of covers: `python -m worker.bulk_embedding.child FD`.

A forward pass cannot be interrupted by another in the same process; this one the kernel interrupts as
soon as a search wants the CPU. It ends when nobody asks it for a while, and with the worker.
"""

import os
import select
import socket
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from common.broker.bulk_messages import BulkFault, BulkReply, Outcome, pack_reply, unpack_covers
from common.errors import CoverSearchError, ImageError
from common.settings import load_settings
from worker.bulk_embedding.wire import receive_frame, send_frame
from worker.decode.pool import DecoderPool
from worker.encoder.protocol import Encoder, Pixels
from worker.startup import open_encoder

#: A model in memory that nobody uses is memory that searches could have.
IDLE_S = 60.0
UNAVAILABLE_STATUS = 3
#: Covers come from strangers' hosts too, and are decoded apart. Four decoders feed any model.
DECODERS = min(os.cpu_count() or 1, 4)
#: A cover takes milliseconds, or as long as searches leave no time for it.
DECODE_S = 300.0
_NOBODY = "0" * 64


def embed(covers: Sequence[bytes], encoder: Encoder, decoders: DecoderPool) -> list[Outcome]:
    """Decode and embed covers, each by itself."""

    def pixels(cover: bytes) -> Pixels | BulkFault:
        try:
            return decoders.decode(cover, timeout_s=DECODE_S)
        except ImageError as error:
            return BulkFault(error.code, error.detail)

    with ThreadPoolExecutor(DECODERS) as threads:
        decoded = list(threads.map(pixels, covers))
    whole = [item for item in decoded if not isinstance(item, BulkFault)]
    embeddings = iter(encoder.encode_images(np.stack(whole)) if whole else ())
    return [item if isinstance(item, BulkFault) else next(embeddings) for item in decoded]


def serve(channel: socket.socket, encoder: Encoder, decoders: DecoderPool) -> None:
    """Answer until the worker is gone or asks no more."""
    channel.settimeout(IDLE_S)
    try:
        while True:
            covers = unpack_covers(receive_frame(channel))
            outcomes = embed(covers, encoder, decoders)
            reply = BulkReply(_NOBODY, encoder.model_fingerprint, tuple(outcomes))
            send_frame(channel, pack_reply(reply))
    except (TimeoutError, EOFError):
        return


def end_with(channel: socket.socket) -> None:
    """End this process as soon as the other side is gone, also in the middle of a batch."""
    hangup = select.poll()
    hangup.register(channel, 0)

    def wait() -> None:
        hangup.poll()
        os._exit(0)

    threading.Thread(target=wait, name="hangup", daemon=True).start()


def yield_to_all() -> None:
    """Let every other process of the machine go first."""
    if hasattr(os, "sched_setscheduler"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    else:
        os.nice(19)


def main() -> int:
    """Serve one worker."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    end_with(channel)
    yield_to_all()
    settings = load_settings(os.environ)
    exact = settings.model_copy(update={"encoder_precision": settings.catalog_precision})
    try:
        encoder = open_encoder(exact)
    except CoverSearchError as error:
        sys.stderr.write(f"bulk: {error.detail}\n")
        return UNAVAILABLE_STATUS
    with DecoderPool(
        size_px=encoder.input_size_px,
        max_pixels=settings.max_image_pixels,
        processes=DECODERS,
        timeout_s=DECODE_S,
    ) as decoders:
        serve(channel, encoder, decoders)
    encoder.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
