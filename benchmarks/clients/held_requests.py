"""Clients that send requests and wait for the answers, in a separate process.

python -m benchmarks.clients.held_requests URL COUNT      prints the number of answers with each status
"""

import asyncio
import json
import resource
import sys
from collections import Counter

import uvloop

from benchmarks.clients.http_client import Connection, text_search

#: The maximum number of connections that are being opened at the same time.
AT_ONCE = 100
#: The maximum number of open files that a process needs in addition to its connections.
SPARE_FILES = 200


def raise_file_limit(files: int) -> None:
    """Raise the limit of open files for this process and its children.

    Raises:
        RuntimeError: the hard limit of open files of this process is too low.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = files + SPARE_FILES
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise RuntimeError(
            f"{wanted} open files are needed and the hard limit is {hard}: ulimit -Hn {wanted}"
        )
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def hold(url: str, count: int) -> Counter[int]:
    """Send `count` different queries at once, and wait for all answers."""
    gate = asyncio.Semaphore(AT_ONCE)
    statuses = Counter[int]()

    async def one(number: int) -> None:
        async with gate:
            connection = await Connection.open(url)
        answer = await connection.ask(text_search(f"holder {number}", wait=60))
        statuses[answer.status] += 1
        connection.close()

    await asyncio.gather(*(one(number) for number in range(count)))
    return statuses


def main(url: str, count: int) -> None:
    """Wait for the answers to all requests, then print the number of answers with each status."""
    raise_file_limit(count)
    print(json.dumps(uvloop.run(hold(url, count))))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
