"""A real Chromium that opens the page; a test fails if the page violates its content policy or throws."""

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

from api.keys.key import Role, make_key
from api.keys.store import KeyStore
from common.redis.clients import open_redis
from local.gateway_and_worker import gateway_service
from local.running_service.recorded_settings import recorded_tool_settings
from local.servers.server import free_port
from tests.e2e.conftest import RunningStack, StartStack

#: The longest that a test waits for an element, on a busy machine.
WAIT_MS = 30_000
expect.set_options(timeout=WAIT_MS)
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
#: Drops a file on a page; the argument is its content in base64, its name and its type.
DROP = """([base64, name, type]) => {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, { type }));
  for (const kind of ["dragover", "drop"]) {
    document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}"""
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@dataclass
class Observed:
    """What a page did that a test must know of."""

    policy_violations: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._read_console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        # Playwright sets an attribute on its listeners, which built-in methods refuse.
        page.on("request", lambda request: self.requests.append(request))  # noqa: PLW0108

    def _read_console(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            self.policy_violations.append(message.text)

    def hosts(self) -> set[str]:
        """Return the hosts that were asked, without those of data and blob URLs."""
        return {urlsplit(request.url).netloc for request in self.requests} - {""}

    def paths(self) -> list[str]:
        """Return the paths that were asked, in order."""
        return [urlsplit(request.url).path for request in self.requests]


#: Opens a page of a running service: the query string, then options of the browser's context.
OpenPage = Callable[..., Page]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.fail("a Chromium is needed to test the page: install Debian's package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def observed() -> Iterator[Observed]:
    seen = Observed()
    yield seen
    assert seen.policy_violations == []
    assert seen.errors == []


@pytest.fixture
def open_page(browser: Browser, observed: Observed) -> Iterator[OpenPage]:
    """Return a function that opens an address of the page in a browser without history."""
    contexts: list[BrowserContext] = []

    def open_address(
        url: str, query: str = "", *, width: int = 1440, height: int = 900, **options: object
    ) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        observed.watch(page)
        page.goto(f"{url}/app/{query}")
        return page

    yield open_address
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page: OpenPage, stack: RunningStack) -> Page:
    """The first view of the page in a wide window."""
    return open_page(stack.url)


@pytest.fixture(scope="session")
def fragile(start_stack: StartStack) -> RunningStack:
    """A stack whose processes tests may suspend; its limits are low, so that tests reach them soon."""
    return start_stack(
        WORKERS="2", DEMO_ALBUMS="30", JOB_DEADLINE_S="15", MAX_QUEUE_DEPTH="3", CATALOG_TIMEOUT_S="1"
    )


@contextmanager
def suspended(stack: RunningStack, name: str) -> Iterator[None]:
    """Suspend all processes of a stack whose command contains a text, such as `-m worker`."""
    processes = [child for child in stack.children() if name in " ".join(child.cmdline())]
    assert processes
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            if psutil.pid_exists(process.pid):
                process.send_signal(signal.SIGCONT)


@contextmanager
def another_gateway(
    stack: RunningStack, folder: Path, *, port: int | None = None, **environ: str
) -> Iterator[str]:
    """Start a further gateway of a running stack with other settings; return its address."""
    settings = recorded_tool_settings(stack.state)
    assert settings is not None
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    # Results in the cache that the gateways share contain the addresses of the first gateway's thumbnails.
    given = {**settings, "PORT": str(port), "PUBLIC_URL": stack.url, **environ}
    gateway = gateway_service(folder, given, url=url, timeout_s=60)
    gateway.start()
    try:
        yield url
    finally:
        gateway.stop()


def new_key(stack: RunningStack, role: Role = Role.SEARCH) -> str:
    """Create an API key in the Redis of a stack."""
    settings = recorded_tool_settings(stack.state)
    assert settings is not None
    key, record = make_key("a tester", role=role, rate="unlimited")
    with open_redis(settings["REDIS_URL"]) as redis:
        KeyStore(redis).add(record)
    return key
