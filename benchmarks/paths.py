"""Paths in the checkout, which benchmarks run from."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
