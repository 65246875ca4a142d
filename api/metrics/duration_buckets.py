"""Counts durations in logarithmic buckets, and computes percentiles from the counts.

The buckets are those of OpenTelemetry's exponential histograms at scale 3: bucket n holds the durations above
2**((n - 1) / 8) and up to 2**(n / 8) milliseconds, so the end of a bucket is 9.05 % above its start. A
percentile is reported as the geometric mean of the start and the end of its bucket, so the reported value
differs from the exact value by at most 4.4 %.
"""

from collections.abc import Mapping
from math import ceil, log2

BUCKETS_PER_DOUBLING = 8
#: The maximum relative error of a percentile, as a share: 0.0443.
RELATIVE_ERROR = 2 ** (1 / (2 * BUCKETS_PER_DOUBLING)) - 1
#: The bucket of a duration of 0 s, because 0 has no logarithm.
ZERO_BUCKET = -10 * BUCKETS_PER_DOUBLING


def bucket_of(seconds: float) -> int:
    """Return the number of the bucket that holds a duration."""
    return ceil(log2(seconds * 1000) * BUCKETS_PER_DOUBLING) if seconds > 0 else ZERO_BUCKET


def percentile_ms(counts: Mapping[int, int], percent: int) -> float | None:
    """Return a percentile of durations, or None if there are none; `counts` has their numbers by bucket.

    The percentile is the nearest-rank percentile: the shortest duration that `percent` per cent of all
    durations do not exceed.
    """
    rank = max(1, -(-percent * sum(counts.values()) // 100))
    for bucket in sorted(counts):
        rank -= counts[bucket]
        if rank <= 0:
            return round(float(2 ** ((bucket - 0.5) / BUCKETS_PER_DOUBLING)), 4)
    return None
