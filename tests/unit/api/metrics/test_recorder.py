"""A recorder counts each request, search and problem once, under names with few different values."""

from api.metrics.duration_buckets import bucket_of
from api.metrics.recorder import NO_ROUTE, RequestRecorder

ROUTE = "/api/albums/{album_id}"


def test_requests_are_counted_by_method_route_status_class_and_bucket() -> None:
    recorder = RequestRecorder()

    for status in (200, 201, 404):
        recorder.count_request("GET", ROUTE, status, 0.010)
    recorder.count_request("GET", ROUTE, 200, 3.0)

    short, long = bucket_of(0.010), bucket_of(3.0)
    assert recorder.take() == {
        f"request GET {ROUTE} 2 {short}": 2,
        f"request GET {ROUTE} 4 {short}": 1,
        f"request GET {ROUTE} 2 {long}": 1,
    }


def test_unusual_methods_are_counted_together() -> None:
    recorder = RequestRecorder()

    for method in ("PROPFIND", "TRACE", "M-SEARCH"):
        recorder.count_request(method, NO_ROUTE, 404, 0.001)

    assert recorder.take() == {f"request _OTHER - 4 {bucket_of(0.001)}": 3}


def test_searches_and_problems_are_counted() -> None:
    recorder = RequestRecorder()

    recorder.count_cache_use("hit")
    recorder.count_cache_use("hit")
    recorder.count_cache_use("coalesced")
    recorder.count_problem(status=503, code="queue_full")

    assert recorder.take() == {"cache hit": 2, "cache coalesced": 1, "problem 503 queue_full": 1}


def test_counts_are_taken_once() -> None:
    recorder = RequestRecorder()
    recorder.count_cache_use("miss")

    assert recorder.take() == {"cache miss": 1}
    assert recorder.take() == {}
