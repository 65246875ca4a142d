"""Format the latest soak test for docs/faults.md."""

from collections.abc import Mapping
from typing import Any


def table(document: Mapping[str, Any]) -> str:
    """Format `soak.json` as a few sentences and a Markdown table."""
    head = "| median, without the first minute | first third | last third | verdict |"
    lines = [_sentences(document), "", head, "| --- | --- | --- | --- |"]
    for name, figures in document["growth"].items():
        verdict = "noise" if figures["is_noise"] else "**grew**"
        lines.append(f"| {name} | {figures['before']} | {figures['after']} | {verdict} |")
    return "\n".join(lines)


def _sentences(document: Mapping[str, Any]) -> str:
    ends = ", ".join(f"{count:,} {end}" for end, count in document["ends"].items())
    restarts = ", ".join(f"{count} {how}" for how, count in document["worker_restarts"].items())
    times = sum(document["worker_restarts"].values())
    left = ", ".join(document["left_in_redis"]) or "nothing"
    sent = f"Clients sent {document['sent']:,} queries in {document['minutes']:g} minutes ({ends})"
    took = f"{document['median_s']} s in the median and {document['p99_s']} s at the 99th percentile"
    return (
        f"{sent}; {document['refused']} were refused. Workers were ended {times} times ({restarts}). "
        f"**{document['lost']} jobs were lost, {document['late']} late**. A query "
        f"took {took}, including the queries during restarts. "
        f"Keys left in Redis, except permanent keys: {left}."
    )
