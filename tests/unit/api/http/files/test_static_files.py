from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from api.http.files.static_files import PAGES, TypedFiles


async def test_a_folder_redirects_to_its_page_by_a_relative_url(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    (folder / "index.html").write_text("page")
    app = Starlette(routes=[Mount("/app", TypedFiles(tmp_path, types=PAGES, html=True))])

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://gateway", follow_redirects=True
    ) as client:
        answer = await client.get("/app/a%20b")

    assert answer.history[0].headers["location"] == "./a%20b/"
    assert answer.text == "page"
