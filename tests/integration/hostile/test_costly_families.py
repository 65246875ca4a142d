"""Each family's most expensive accepted file is decoded within FACTOR times the allowed CPU time.

The allowed CPU time is a twentieth of the service's limit, so that the tests take little CPU time; it is
higher only for families whose smallest file costs more. If a file takes more than FACTOR times the allowed
CPU time, the kernel ends the decoder, as `test_pool.py` shows, and the test fails. `make image-costs`
measures the same families with the service's full limit.
"""

import functools
import shutil
import time
from collections.abc import Callable, Iterator

import pytest

from benchmarks.costly_images.families import FAMILIES
from benchmarks.costly_images.family import Family
from benchmarks.costly_images.measurement import accepted_cost_s, most_accepted
from common.settings import load_settings
from worker.decode.processes import wire_format
from worker.decode.processes.process import DecoderLimits, DecoderProcess

ALLOWED_S = (0.1, 0.5, 1.0)
#: The factor by which decoding may exceed the estimate on a machine slower or busier than in
#: docs/security.md.
FACTOR = 3.0
#: The search for the largest accepted number ends when the number is known within this factor.
STEP = 1.5
#: The maximum wall-clock time of a decoding in seconds; a busy machine needs much more than the CPU time.
WAIT_S = 100.0

Decoder = Callable[[float], DecoderProcess]


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    """Return a function that returns a decoder whose CPU limit is FACTOR times the allowed CPU time."""
    started: dict[float, DecoderProcess] = {}

    def running(allowed_s: float) -> DecoderProcess:
        if allowed_s not in started or started[allowed_s].ended:
            max_pixels = load_settings({}).max_image_pixels
            started[allowed_s] = DecoderProcess(
                DecoderLimits(size_px=224, max_pixels=max_pixels, cpu_s=FACTOR * allowed_s)
            )
        return started[allowed_s]

    yield running
    for process in started.values():
        process.end()


def most_expensive(family: Family) -> tuple[bytes, float]:
    """Return the largest accepted file of a family, and the allowed CPU time in seconds."""
    make = functools.cache(family.make)
    smallest = make(1)
    allowed_s = next(each for each in ALLOWED_S if accepted_cost_s(smallest, max_cost_s=each) is not None)

    def accepts(number: int) -> bool:
        return accepted_cost_s(make(number), max_cost_s=allowed_s) is not None

    return make(most_accepted(accepts, beyond=family.beyond, step=STEP)), allowed_s


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: f"{family.format}: {family.name}")
def test_the_most_expensive_accepted_file_is_decoded_within_its_limit(
    family: Family, decoder: Decoder
) -> None:
    if family.format == "HEIF" and shutil.which("heif-enc") is None:
        pytest.fail("Pillow does not write HEIF: run `make heif-enc`, as `make test` does")
    data, allowed_s = most_expensive(family)
    process = decoder(allowed_s)

    try:
        request = wire_format.Request(wire_format.Wanted.PIXELS, data)
        reply = process.ask(request, deadline=time.monotonic() + WAIT_S)
    except EOFError:
        pytest.fail(f"the kernel ended the decoder: {process.end_signal()=}, {allowed_s=}, {FACTOR=}")

    # The codec may find a file to be broken while decoding, but no file may be too costly.
    assert reply.kind == wire_format.PIXELS or reply.body.startswith(b"undecodable_image")
