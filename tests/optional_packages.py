"""The reasons for which tests are skipped if an optional package is not installed."""

from worker.encoder.checkpoint import INSTALL_TORCH

NEEDS_TORCH = f"needs torch: {INSTALL_TORCH}"
