"""Formats counts with 95 % bounds."""

from math import sqrt

_Z = 1.96


def bounds(count: int, total: int) -> tuple[float, float]:
    """Return Wilson's 95 % bounds of a proportion."""
    share, spread = count / total, _Z * _Z / total
    middle = (share + spread / 2) / (1 + spread)
    half = _Z * sqrt(share * (1 - share) / total + spread / (4 * total)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def described(count: int, total: int) -> str:
    """Return a count as text, such as `97 of 100 = 0.970 (0.915 to 0.990)`."""
    if not total:
        return "none measured"
    low, high = bounds(count, total)
    return f"{count} of {total} = {count / total:.3f} ({low:.3f} to {high:.3f})"
