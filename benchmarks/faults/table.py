"""The table of the fault matrix in docs/faults.md."""

from collections.abc import Mapping, Sequence

HEAD = (
    "| fault | accepted | lost | late | extra | recovered after | met | observations |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
)


def table(outcomes: Sequence[Mapping[str, object]]) -> str:
    """Return the outcomes of `faults.json` as a Markdown table."""
    return "\n".join([*HEAD, *map(row, outcomes)])


def row(outcome: Mapping[str, object]) -> str:
    """Return one outcome as a row of the Markdown table."""
    recovery = "" if outcome["recovery_s"] is None else f"{outcome['recovery_s']} s"
    cells = [
        outcome["name"],
        outcome["accepted"],
        outcome["lost"],
        outcome["unfinished"],
        outcome["extra_results"],
        recovery,
        "yes" if outcome["met"] else "**no**",
        outcome["note"],
    ]
    return f"| {' | '.join(str(cell) for cell in cells)} |"
