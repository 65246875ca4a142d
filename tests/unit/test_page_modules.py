"""The page's address and its reader of server-sent events work without a browser."""

import json
import subprocess
from typing import Any

import pytest

from tests.paths import ROOT

SOURCES = ROOT / "web"

pytestmark = pytest.mark.starts_processes


def run_module(module: str, program: str) -> Any:
    """Bundle a module of the page, run a program that uses its exports, and return what it prints as JSON."""
    esbuild = SOURCES / "node_modules" / ".bin" / "esbuild"
    if not esbuild.exists():
        pytest.fail("needs the tools of the page: run `make page-tools`")
    bundled = subprocess.run(
        [str(esbuild), f"src/{module}.ts", "--bundle", "--format=esm"],
        cwd=SOURCES,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    done = subprocess.run(
        ["node", "--input-type=module", "-"],
        input=f"{bundled}\nconsole.log(JSON.stringify({program}));",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?text=red+circle",
        "?text=100%25+%26+%22quotes%22+%2B+plus&genre=Pop%2FR%26B&genre=Rock",
        "?text=dark+forest&like=demo-1&text=people&weights=1+0.5+-0.5",
        "?picture=ab12&year_min=1990&year_max=1999&min_score=7.5&best_new_music=true&color=%23d7262d",
        "?text=%D7%A9%D7%9C%D7%95%D7%9D&artist=Bj%C3%B6rk&min_similarity=-0.5&album=a%2Fb&code",
        "?view=catalog",
        "?view=service",
    ],
)
def test_an_address_is_written_as_it_was_read(query: str) -> None:
    assert run_module("shell/address", f"writeAddress(readAddress({json.dumps(query)}))") == query


@pytest.mark.parametrize(
    ("query", "understood"),
    [
        ("?view=unknown&year_min=12&min_score=eleven&color=red&weights=x", ""),
        ("?text=+&genre=&album=", ""),
        ("?min_similarity=2&year_max=99999&best_new_music=yes", ""),
        ("?text=a&weights=99", "?text=a"),
        (
            "?" + "&".join(f"text={number}" for number in range(9)),
            "?" + "&".join(f"text={n}" for n in range(8)),
        ),
    ],
)
def test_invalid_parts_of_an_address_are_ignored(query: str, understood: str) -> None:
    assert run_module("shell/address", f"writeAddress(readAddress({json.dumps(query)}))") == understood


def test_events_are_read_across_the_borders_of_packets() -> None:
    text = ': hello\n\nevent: queued\ndata: {"a":\ndata: 1}\n\nevent: é\r\ndata: x\r\n\r\ndata: last'
    program = f"""await (async () => {{
      const bytes = new TextEncoder().encode({json.dumps(text)});
      const body = new ReadableStream({{
        start(controller) {{
          for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
          controller.close();
        }},
      }});
      const events = [];
      let packets = 0;
      for await (const event of readEvents(body, () => (packets += 1))) events.push([event.name, event.data]);
      return {{ events, packets }};
    }})()"""

    # An event that the end of the stream cuts off is dropped.
    read = run_module("client/events", program)
    assert read["events"] == [["queued", '{"a":\n1}'], ["é", "x"]]
    # The two bytes of é are decoded together, so at most one packet brings no text.
    assert len(text) - 1 <= read["packets"] <= len(text.encode())
