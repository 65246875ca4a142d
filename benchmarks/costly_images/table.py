"""The table in docs/security.md: for each format, the accepted file with the longest decoding time."""

from collections.abc import Mapping, Sequence

HEAD = (
    "| format | the most expensive file that is accepted | kB | estimated | CPU | ways tried |",
    "| --- | --- | --- | --- | --- | --- |",
)


def table(found: Sequence[Mapping[str, object]]) -> str:
    """Return the results in `costly_images.json` as a Markdown table."""
    formats = dict.fromkeys(str(each["format"]) for each in found)
    return "\n".join([*HEAD, *(_row(name, [e for e in found if e["format"] == name]) for name in formats)])


def _row(image_format: str, families: Sequence[Mapping[str, object]]) -> str:
    most = max(families, key=lambda each: float(str(each["measured_s"])))
    kilobytes = int(str(most["bytes"])) // 1000
    cells = (
        image_format,
        most["family"],
        f"{kilobytes:,}",
        f"{most['estimated_s']} s",
        f"{most['measured_s']} s",
        len(families),
    )
    return f"| {' | '.join(str(cell) for cell in cells)} |"
