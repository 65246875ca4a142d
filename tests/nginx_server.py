"""A real nginx in front of a gateway, configured as docs/operations.md shows."""

import os
import re
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

import httpx

from local.errors import ServerFailed
from local.servers.server import Server
from tests.paths import ROOT

_DOCUMENTED = re.compile(r"```nginx\n(.*?)```", re.DOTALL)
#: The main configuration of Debian's package, with paths that an ordinary user can write.
_MAIN = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  scgi_temp_path {folder}/scgi;
  uwsgi_temp_path {folder}/uwsgi;
{documented}
}}
"""


class NginxServer(Server):
    """An nginx that serves a gateway under the path /music/."""

    def __init__(self, folder: Path, *, port: int, gateway_port: int, strips_prefix: bool) -> None:
        super().__init__(
            "nginx", folder, port=port, stop_signal=signal.SIGTERM, stop_grace_s=10.0, start_timeout_s=20.0
        )
        self._gateway_port = gateway_port
        self._strips_prefix = strips_prefix

    def command_on(self, port: int) -> Sequence[str]:
        file = self.folder / "nginx.conf"
        file.write_text(self._configuration(port))
        return [str(_find_nginx()), "-e", "stderr", "-c", str(file)]

    def is_ready(self) -> bool:
        """Return whether nginx answers."""
        try:
            httpx.get(f"http://127.0.0.1:{self.port}/", timeout=2)
        except httpx.HTTPError:
            return False
        return True

    def _configuration(self, port: int) -> str:
        found = _DOCUMENTED.search((ROOT / "docs" / "operations.md").read_text())
        assert found is not None
        documented = found[1].replace("listen 80;", f"listen 127.0.0.1:{port};")
        documented = documented.replace("127.0.0.1:8000", f"127.0.0.1:{self._gateway_port}")
        if self._strips_prefix:
            documented = documented.replace("proxy_pass http://gateway;", "proxy_pass http://gateway/;")
        # By default, nginx started by root serves as another user, who cannot enter the folder.
        user = "user root;" if os.getuid() == 0 else ""
        return _MAIN.format(folder=self.folder, user=user, documented=documented)


def _find_nginx() -> Path:
    found = shutil.which("nginx", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))
    if found is None:
        raise ServerFailed("nginx is not installed: make test-servers")
    return Path(found)
