import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil
import pytest
from PIL import ExifTags, Image

from benchmarks.costly_images.pngs import truncated
from common.errors import (
    DecoderBusy,
    DecoderDied,
    ImageTooCostly,
    ImageTooManyPixels,
    UndecodableImage,
    UnsupportedImage,
)
from common.prints import unpack_points
from tests.polling import eventually
from tests.unit.worker.decode.pictures import (
    decode,
    encoded,
    noise,
    png_bomb,
    png_header,
    tiff_of_one_tile,
)
from worker.decode.image import decode_print, decode_thumbnails
from worker.decode.processes.pool import DecoderPool
from worker.prints.cover_print import make_print

pytestmark = pytest.mark.starts_processes

SIDE = 224
PLAIN_S = 30.0
#: A file that takes three times its estimate of 0.12 s of CPU time.
UNDERESTIMATED = truncated(1650)


@pytest.fixture
def pool() -> Iterator[DecoderPool]:
    with DecoderPool(size_px=SIDE, processes=2) as opened:
        eventually(lambda: len(opened.pids) == 2)
        yield opened


def is_running(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def picture(number: int = 0) -> bytes:
    return encoded(noise(300 + number, 240), "JPEG")


def test_the_pool_decodes_as_the_calling_process_does(pool: DecoderPool) -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        data = encoded(noise(500, 400, grain_px=8), kind)

        assert np.array_equal(pool.decode(data, timeout_s=PLAIN_S), decode(data, size_px=SIDE))


def test_the_pool_makes_the_thumbnails_of_a_cover_alone_or_with_its_pixels(pool: DecoderPool) -> None:
    data = encoded(noise(1000, 1000, grain_px=8), "JPEG")

    beside = pool.decode_cover(data, timeout_s=PLAIN_S, wants_thumbnails=True)
    alone = pool.decode_thumbnails(data, timeout_s=PLAIN_S)

    assert np.array_equal(beside.pixels, pool.decode(data, timeout_s=PLAIN_S))
    assert beside.thumbnails == alone == decode_thumbnails(data, max_pixels=1_000_000)


def test_the_pool_makes_the_print_of_a_cover_alone_or_with_its_other_parts() -> None:
    data = encoded(noise(1000, 1000, grain_px=8), "JPEG")

    with DecoderPool(size_px=SIDE, makes_prints=True) as printing:
        cover = printing.decode_cover(data, timeout_s=PLAIN_S, wants_thumbnails=True, wants_print=True)
        alone = printing.decode_print(data, timeout_s=PLAIN_S)
        plain = printing.decode(data, timeout_s=PLAIN_S)

    assert np.array_equal(cover.pixels, plain)
    assert cover.thumbnails == decode_thumbnails(data, max_pixels=1_000_000)
    assert cover.cover_print == alone == decode_print(data, make_print=make_print, max_pixels=1_000_000)
    assert len(unpack_points(alone.points)) > 100


def test_a_pool_without_prints_refuses_to_make_one(pool: DecoderPool) -> None:
    with pytest.raises(UndecodableImage):
        pool.decode_print(picture(), timeout_s=PLAIN_S)

    assert pool.decode(picture(), timeout_s=PLAIN_S).shape == (SIDE, SIDE, 3)


def test_a_small_tile_of_the_hostile_kind_decodes(pool: DecoderPool) -> None:
    """A small tile decodes, so the refusal of a tile of 1.6 gigabytes is caused by its size."""
    assert pool.decode(tiff_of_one_tile(16), timeout_s=PLAIN_S).shape == (SIDE, SIDE, 3)


def test_each_thread_gets_its_own_answer(pool: DecoderPool) -> None:
    pictures = [picture(number) for number in range(40)]

    with ThreadPoolExecutor(8) as threads:
        decoded = list(threads.map(lambda data: pool.decode(data, timeout_s=PLAIN_S), pictures))

    for data, pixels in zip(pictures, decoded, strict=True):
        assert np.array_equal(pixels, decode(data, size_px=SIDE))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"no image", UnsupportedImage),
        (b"", UnsupportedImage),
        (png_header(60_000, 60_000), ImageTooManyPixels),
        (encoded(noise(300, 300), "PNG")[:5000], UndecodableImage),
        (tiff_of_one_tile(40_000), ImageTooCostly),
    ],
)
def test_an_image_error_reaches_the_caller_and_keeps_the_decoder(
    data: bytes, error: type[Exception], pool: DecoderPool
) -> None:
    before = sorted(pool.pids)

    for decode_file in (pool.decode, pool.decode_cover, pool.decode_thumbnails):
        with pytest.raises(error):
            decode_file(data, timeout_s=PLAIN_S)

    assert sorted(pool.pids) == before
    assert pool.decode(picture(), timeout_s=PLAIN_S).shape == (SIDE, SIDE, 3)


def test_a_killed_decoder_fails_only_its_own_job_and_is_replaced(pool: DecoderPool) -> None:
    first, second = pool.pids
    os.kill(first, signal.SIGSTOP)

    with ThreadPoolExecutor(8) as threads:
        jobs = [threads.submit(pool.decode, picture(number), timeout_s=PLAIN_S) for number in range(8)]
        eventually(lambda: sum(not job.done() for job in jobs) == 1)
        os.kill(first, signal.SIGKILL)
        errors = [job.exception() for job in jobs]

    assert [type(error) for error in errors if error] == [DecoderDied]
    eventually(lambda: len(pool.pids) == 2)
    assert second in pool.pids
    assert first not in pool.pids


def crash_decoders(
    pool: DecoderPool, crashes: int, *, at_signal: int, client: str = "", cost_s: float = 0.0
) -> "Future[npt.NDArray[np.uint8]]":
    """Send a file, crash the decoders that decode it one after another, and return the file's job."""
    crashed: set[int] = set()
    with ThreadPoolExecutor(1) as threads:
        eventually(lambda: pool.idle == 1)
        job = threads.submit(
            pool.decode, png_bomb(7000, 7000), timeout_s=PLAIN_S, client=client, cost_s=cost_s
        )
        for _ in range(crashes):
            eventually(lambda: set(pool.pids) - crashed and pool.idle == 0)
            (victim,) = set(pool.pids) - crashed
            os.kill(victim, at_signal)
            crashed.add(victim)
        return job


@pytest.mark.parametrize("at_signal", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS])
def test_a_file_whose_decoder_crashes_is_decoded_once_more(at_signal: int) -> None:
    # An earlier file may have damaged the memory of the decoder.
    with DecoderPool(size_px=SIDE, processes=1, timeout_s=PLAIN_S) as pool:
        job = crash_decoders(pool, 1, at_signal=at_signal)

        assert job.result().shape == (SIDE, SIDE, 3)


def test_a_file_that_crashes_two_decoders_is_undecodable() -> None:
    with DecoderPool(size_px=SIDE, processes=1, timeout_s=PLAIN_S) as pool:
        job = crash_decoders(pool, 2, at_signal=signal.SIGSEGV)

        with pytest.raises(UndecodableImage, match="crash"):
            job.result()
        assert pool.decode(picture(), timeout_s=PLAIN_S).shape == (SIDE, SIDE, 3)


def test_a_client_is_charged_for_crashes_only_if_its_file_crashes_two_decoders() -> None:
    reported: list[tuple[str, float]] = []
    with DecoderPool(
        size_px=SIDE, processes=1, timeout_s=PLAIN_S, report_overrun=lambda *report: reported.append(report)
    ) as pool:
        job = crash_decoders(pool, 2, at_signal=signal.SIGSEGV, client="a", cost_s=0.01)

        with pytest.raises(UndecodableImage, match="crash"):
            job.result()

    # One report: the first crash may have been the fault of another file.
    ((client, excess_s),) = reported
    assert client == "a"
    assert excess_s == pytest.approx(0.39)


def test_idle_decoders_that_are_killed_fail_no_job(pool: DecoderPool) -> None:
    for pid in pool.pids:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not any(is_running(pid) for pid in pool.pids))

    for number in range(4):
        assert pool.decode(picture(number), timeout_s=PLAIN_S).shape == (SIDE, SIDE, 3)


def test_a_decoder_is_ended_at_the_time_limit_of_its_picture() -> None:
    slow = png_bomb(7000, 7000)

    with DecoderPool(size_px=SIDE, processes=1, timeout_s=0.05) as pool:
        eventually(lambda: len(pool.pids) == 1)
        (victim,) = pool.pids
        with pytest.raises(DecoderDied, match="out of time"):
            pool.decode(slow, timeout_s=PLAIN_S)

        assert not is_running(victim)
        eventually(lambda: len(pool.pids) == 1)
        assert pool.pids != [victim]


def test_a_file_over_the_cpu_limit_is_refused_as_too_costly() -> None:
    with DecoderPool(size_px=SIDE, processes=1, cpu_s=0.2) as pool:
        eventually(lambda: len(pool.pids) == 1)
        (victim,) = pool.pids
        with pytest.raises(ImageTooCostly, match="took more than 0"):
            pool.decode(UNDERESTIMATED, timeout_s=PLAIN_S)

        assert not is_running(victim)
        assert pool.decode(picture(), timeout_s=PLAIN_S).shape == (SIDE, SIDE, 3)
        assert pool.pids != [victim]


def test_the_cpu_limit_applies_to_each_file_separately() -> None:
    with DecoderPool(size_px=SIDE, processes=1, cpu_s=0.2) as pool:
        eventually(lambda: len(pool.pids) == 1)
        before = pool.pids
        for number in range(40):
            pool.decode(encoded(noise(900 + number, 900, grain_px=8), "JPEG"), timeout_s=PLAIN_S)
        spent_s = psutil.Process(before[0]).cpu_times().user

        assert spent_s > 0.2
        assert pool.pids == before


def test_a_stopped_decoder_is_a_retryable_error(pool: DecoderPool) -> None:
    for pid in pool.pids:
        os.kill(pid, signal.SIGSTOP)

    with pytest.raises(DecoderDied, match="out of time"):
        pool.decode(picture(), timeout_s=0.2)


def test_short_files_do_not_wait_for_long_ones() -> None:
    with DecoderPool(size_px=SIDE, processes=1) as pool, ThreadPoolExecutor(4) as threads:
        eventually(lambda: len(pool.pids) == 1)
        (short,) = pool.pids
        long_jobs = [threads.submit(pool.decode, picture(n), timeout_s=PLAIN_S, cost_s=1.0) for n in range(3)]
        eventually(lambda: len(pool.pids) == 2)
        (long,) = set(pool.pids) - {short}
        os.kill(long, signal.SIGSTOP)
        stopped = threads.submit(pool.decode, picture(3), timeout_s=PLAIN_S, cost_s=1.0)

        assert pool.decode(picture(), timeout_s=PLAIN_S, cost_s=0.01).shape == (SIDE, SIDE, 3)
        assert not stopped.done()
        os.kill(long, signal.SIGCONT)
        assert [job.result().shape for job in (*long_jobs, stopped)] == [(SIDE, SIDE, 3)] * 4


def test_the_waiting_files_of_a_client_with_an_underestimated_file_are_given_back() -> None:
    reported: list[tuple[str, float]] = []
    slow = png_bomb(4000, 4000)
    with (
        DecoderPool(
            size_px=SIDE, processes=1, report_overrun=lambda *report: reported.append(report)
        ) as pool,
        ThreadPoolExecutor(8) as threads,
    ):
        eventually(lambda: pool.idle == 1)
        (decoder,) = pool.pids
        os.kill(decoder, signal.SIGSTOP)

        def flood(data: bytes) -> "Future[object]":
            return threads.submit(pool.decode, data, timeout_s=PLAIN_S, client="flood", cost_s=0.002)

        first = flood(slow)
        eventually(lambda: pool.idle == 0)
        waiting = [flood(slow) for _ in range(3)]
        other = threads.submit(pool.decode, picture(), timeout_s=PLAIN_S, client="other", cost_s=0.002)
        eventually(lambda: pool.waiting == 4)
        os.kill(decoder, signal.SIGCONT)

        assert other.result() is not None
        assert first.result() is not None
        assert [type(job.exception()) for job in waiting] == [DecoderBusy] * 3
        assert [client for client, _ in reported] == ["flood"]
        assert reported[0][1] > 0.05


def test_later_files_of_a_client_with_an_underestimated_file_are_long() -> None:
    with DecoderPool(size_px=SIDE, processes=1) as pool:
        pool.decode(png_bomb(6000, 6000), timeout_s=PLAIN_S, client="flood", cost_s=0.002)
        pool.decode(picture(), timeout_s=PLAIN_S, client="other", cost_s=0.002)
        assert len(pool.pids) == 1

        pool.decode(picture(), timeout_s=PLAIN_S, client="flood", cost_s=0.002)

        assert len(pool.pids) == 2


def test_a_file_that_the_kernel_stops_counts_as_the_whole_limit() -> None:
    reported: list[float] = []

    with (
        DecoderPool(
            size_px=SIDE, processes=1, cpu_s=0.2, report_overrun=lambda _, excess: reported.append(excess)
        ) as pool,
        pytest.raises(ImageTooCostly, match="took more than"),
    ):
        pool.decode(UNDERESTIMATED, timeout_s=PLAIN_S, client="flood", cost_s=0.12)

    assert reported == [pytest.approx(0.08)]


def test_decoders_of_long_files_have_a_low_priority() -> None:
    with DecoderPool(size_px=SIDE, processes=1) as pool:
        pool.decode(picture(), timeout_s=PLAIN_S, cost_s=1.0)
        eventually(lambda: len(pool.pids) == 2)
        own = os.getpriority(os.PRIO_PROCESS, 0)

        assert sorted(os.getpriority(os.PRIO_PROCESS, pid) - own for pid in pool.pids) == [
            0,
            min(10, 19 - own),
        ]


def test_a_caller_gets_an_error_while_every_decoder_is_busy(pool: DecoderPool) -> None:
    for pid in pool.pids:
        os.kill(pid, signal.SIGSTOP)

    with ThreadPoolExecutor(2) as threads:
        busy = [threads.submit(pool.decode, picture(), timeout_s=PLAIN_S) for _ in range(2)]
        eventually(lambda: pool.idle == 0)
        with pytest.raises(DecoderBusy):
            pool.decode(picture(), timeout_s=0.05)
        for pid in pool.pids:
            os.kill(pid, signal.SIGCONT)

        assert [job.result().shape for job in busy] == [(SIDE, SIDE, 3)] * 2


def test_decoders_have_no_model_no_secrets_and_a_memory_limit(
    pool: DecoderPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPABASE_KEY", "a-secret-key")

    with DecoderPool(size_px=SIDE, max_pixels=1_000_000) as own:
        eventually(lambda: len(own.pids) == 1)
        process = Path(f"/proc/{own.pids[0]}")
        libraries = (process / "maps").read_text()
        limits = (process / "limits").read_text()
        environment = (process / "environ").read_bytes()

    assert "_imaging" in libraries
    assert not any(name in libraries for name in ("torch", "openvino", "tokenizers"))
    assert f"Max address space         {432 * 1024 * 1024 + 12_000_000}" in limits
    assert b"secret" not in environment


def test_memory_of_a_large_picture_is_released(pool: DecoderPool) -> None:
    large = png_bomb(6000, 6000)

    for _ in range(2):
        assert pool.decode(large, timeout_s=PLAIN_S).max() == 0

    for pid in pool.pids:
        resident_pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        assert resident_pages * os.sysconf("SC_PAGESIZE") < 100 * 1024 * 1024


@pytest.mark.parametrize(("mode", "kind", "width"), [("RGBA", "PNG", 6400), ("RGB", "WEBP", 7142)])
def test_two_pictures_at_the_pixel_limit_decode_in_a_row(mode: str, kind: str, width: int) -> None:
    height = 7000
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # transparency makes the decoder copy the pixels
    data = encoded(Image.new(mode, (width, height), "red"), kind, exif=exif)

    # A picture at the limit takes nearly 2 s of CPU, and more while other processes compete for the caches.
    with DecoderPool(size_px=SIDE, max_pixels=50_000_000, cpu_s=PLAIN_S, makes_prints=True) as one:
        decoded = [one.decode(data, timeout_s=PLAIN_S) for _ in range(3)]
        covers = [
            one.decode_cover(data, timeout_s=PLAIN_S, wants_thumbnails=True, wants_print=True)
            for _ in range(2)
        ]
        eventually(lambda: one.idle == 1)

    assert all(len(cover.thumbnails) == 2 and cover.cover_print is not None for cover in covers)
    for pixels in (*decoded, *(cover.pixels for cover in covers)):
        np.testing.assert_allclose(pixels, np.broadcast_to([255, 0, 0], pixels.shape), atol=3)


def test_closing_ends_every_decoder_and_closes_every_file() -> None:
    before = open_files()

    pool = DecoderPool(size_px=SIDE, processes=2)
    eventually(lambda: len(pool.pids) == 2)
    pids = pool.pids
    pool.decode(picture(), timeout_s=PLAIN_S)
    pool.close()

    assert not any(is_running(pid) for pid in pids)
    assert open_files() == before
    assert "decoder-starter" not in {thread.name for thread in threading.enumerate()}


def test_decoders_end_with_a_killed_worker_even_while_they_hang() -> None:
    script = (
        "import time; from worker.decode.processes.pool import DecoderPool\n"
        "pool = DecoderPool(size_px=224, processes=2)\n"
        "while len(pool.pids) < 2: time.sleep(0.01)\n"
        "print(*pool.pids, flush=True); time.sleep(100)"
    )
    worker = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    pids = [int(pid) for pid in worker.stdout.readline().split()]
    os.kill(pids[0], signal.SIGSTOP)

    worker.kill()
    worker.wait()
    worker.stdout.close()

    assert len(pids) == 2
    eventually(lambda: not any(is_running(pid) for pid in pids))


def test_a_terminal_interrupt_does_not_end_decoders(pool: DecoderPool) -> None:
    before = sorted(pool.pids)

    for pid in before:
        os.kill(pid, signal.SIGINT)
        os.kill(pid, signal.SIGTERM)

    assert pool.decode(picture(), timeout_s=PLAIN_S).shape == (SIDE, SIDE, 3)
    assert sorted(pool.pids) == before
