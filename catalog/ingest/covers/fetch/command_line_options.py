"""Defines the command-line arguments for fetching covers, and creates the fetcher that they configure."""

import argparse

from catalog.ingest.covers.fetch.fetcher import CoverFetcher
from catalog.ingest.covers.fetch.host_rate_limits import PER_HOST, read_rate
from common.settings import Settings


def add_fetching_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the rate limit of each host and for allowing private hosts."""
    parser.add_argument(
        "--per-host",
        type=_rate,
        default=PER_HOST,
        metavar="RATE",
        help=f"most requests to one host per second, or for instance 30/minute ({PER_HOST:g})",
    )
    parser.add_argument(
        "--allow-private",
        action="store_true",
        help="also fetch covers from hosts whose address is not public",
    )


def open_fetcher(options: argparse.Namespace, settings: Settings) -> CoverFetcher:
    """Return a cover fetcher for the arguments and settings."""
    return CoverFetcher(
        max_bytes=settings.max_image_bytes,
        allow_private=options.allow_private,
        per_host=options.per_host,
        user_agent=settings.user_agent,
    )


def _rate(value: str) -> float:
    try:
        return read_rate(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
