"""The child process (`python -m worker.bulk_embedding.child FD`) that decodes and embeds batches of covers.

The process is separate from the worker so that the kernel can preempt it as soon as a search needs the CPU;
in the worker itself, a search would have to wait until the current forward pass has ended. The child process
ends after `IDLE_S` without a batch, and when the worker ends.
"""

import os
import select
import socket
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from common.broker.bulk_embedding_messages import (
    BulkCover,
    BulkEmbedding,
    BulkFault,
    BulkReply,
    Outcome,
    pack_reply,
    unpack_covers,
)
from common.colours.palette import Palette
from common.errors import CoverSearchError, ImageError
from common.prints import Print
from common.settings import load_settings
from worker.bulk_embedding.wire import receive_frame, send_frame
from worker.decode.palette_extraction import palette_of
from worker.decode.processes.pool import DecoderPool
from worker.encoder.protocol import Encoder, Pixels
from worker.startup import open_encoder

#: After this number of seconds without a batch the process ends, to free the model's memory for searches.
IDLE_S = 60.0
UNAVAILABLE_STATUS = 3
#: The number of decoder processes; four processes decode covers at least as fast as any model embeds covers.
DECODERS = min(os.cpu_count() or 1, 4)
#: The maximum time in seconds to decode a cover; it is long because searches take CPU time from this process.
DECODE_S = 300.0
#: A placeholder that the worker replaces with the batch id of the reply.
_NO_BATCH_ID = "0" * 64


@dataclass(frozen=True, slots=True)
class _Decoded:
    pixels: Pixels
    palette: Palette | None
    thumbnails: tuple[bytes, ...]
    cover_print: Print | None


def embed(covers: Sequence[BulkCover], encoder: Encoder, decoders: DecoderPool) -> list[Outcome]:
    """Decode and embed covers; a cover that cannot be decoded gets a `BulkFault`."""

    def decode(cover: BulkCover) -> _Decoded | BulkFault:
        try:
            decoded = decoders.decode_cover(
                cover.content,
                timeout_s=DECODE_S,
                wants_thumbnails=cover.wants_thumbnails,
                wants_print=cover.wants_print,
            )
        except ImageError as error:
            return BulkFault(error.code, error.detail)
        palette = palette_of(decoded.pixels) if cover.wants_palette else None
        return _Decoded(decoded.pixels, palette, decoded.thumbnails, decoded.cover_print)

    with ThreadPoolExecutor(DECODERS) as threads:
        decoded = list(threads.map(decode, covers))
    whole = [item.pixels for item in decoded if not isinstance(item, BulkFault)]
    embeddings = iter(encoder.encode_images(np.stack(whole)) if whole else ())
    return [
        item
        if isinstance(item, BulkFault)
        else BulkEmbedding(next(embeddings), item.palette, item.thumbnails, item.cover_print)
        for item in decoded
    ]


def serve(channel: socket.socket, encoder: Encoder, decoders: DecoderPool) -> None:
    """Answer batches until the worker closes the socket or sends no batch for `IDLE_S`."""
    channel.settimeout(IDLE_S)
    try:
        while True:
            covers = unpack_covers(receive_frame(channel))
            outcomes = embed(covers, encoder, decoders)
            reply = BulkReply(_NO_BATCH_ID, encoder.model_fingerprint, tuple(outcomes))
            send_frame(channel, pack_reply(reply))
    except (TimeoutError, EOFError):
        return


def exit_on_hangup(channel: socket.socket) -> None:
    """End this process as soon as the worker closes the socket, even while a batch is being embedded."""
    hangup = select.poll()
    hangup.register(channel, 0)

    def wait() -> None:
        hangup.poll()
        os._exit(0)

    threading.Thread(target=wait, name="hangup", daemon=True).start()


def set_idle_priority() -> None:
    """Give this process the lowest CPU priority."""
    if hasattr(os, "sched_setscheduler"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    else:
        os.nice(19)


def main() -> int:
    """Embed the batches of one worker; return the exit status."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    exit_on_hangup(channel)
    set_idle_priority()
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
        makes_prints=True,
    ) as decoders:
        serve(channel, encoder, decoders)
    encoder.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
