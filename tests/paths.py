"""Paths of the repository and its folders."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEMO_MODEL = ROOT / "models" / "demo"
PICTURES = ROOT / "tests" / "pictures"
