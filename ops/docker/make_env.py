"""Writes the file `.env` that Docker Compose reads, with new random passwords and API keys.

    python3 ops/docker/make_env.py [--demo] [--output .env]

The script needs only Python. The file is written to the working directory unless `--output` names another
file. An existing file is not changed, because the database was created with the passwords in that file.
"""
# ruff: noqa: INP001 - a script, in no package

import argparse
import base64
import hashlib
import hmac
import json
import os
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path

#: The lifetime of the API keys in seconds. The keys work only inside the stack's own networks, and a new
#: JWT_SECRET revokes them.
KEY_LIFETIME_S = 10 * 365 * 24 * 3600
DEMO = {"COMPOSE_PROFILES": "demo", "CLIP_MODEL": "models/demo"}


def signed_key(jwt_secret: str, *, role: str, issued_at_s: int) -> str:
    """Return an API key: a JSON Web Token, signed with HS256, that gives its bearer a database role."""
    claims = {
        "iss": "cover-search",
        "role": role,
        "iat": issued_at_s,
        "exp": issued_at_s + KEY_LIFETIME_S,
    }
    signed = f"{_segment({'alg': 'HS256', 'typ': 'JWT'})}.{_segment(claims)}"
    signature = hmac.new(jwt_secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_base64url(signature)}"


def environment(*, demo: bool) -> dict[str, str]:
    """Return the variables that docker-compose.yml requires; each secret has 256 random bits."""
    jwt_secret, now_s = secrets.token_hex(32), int(time.time())
    return {
        "REDIS_PASSWORD": secrets.token_hex(32),
        "POSTGRES_PASSWORD": secrets.token_hex(32),
        "AUTHENTICATOR_PASSWORD": secrets.token_hex(32),
        "JWT_SECRET": jwt_secret,
        # The gateway and the workers get a read-only key; the operator's tools use the key that can write.
        "SUPABASE_KEY": signed_key(jwt_secret, role="catalog_reader", issued_at_s=now_s),
        "SERVICE_ROLE_KEY": signed_key(jwt_secret, role="service_role", issued_at_s=now_s),
        **(DEMO if demo else {}),
    }


def write_private(path: Path, text: str) -> None:
    """Write a new file that only this user can read.

    Raises:
        FileExistsError: the file already exists.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _segment(document: dict[str, object]) -> str:
    return _base64url(json.dumps(document, separators=(",", ":")).encode())


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file that the arguments name; return the exit status."""
    parser = argparse.ArgumentParser(prog="ops/docker/make_env.py", description=__doc__.splitlines()[0])
    parser.add_argument("--demo", action="store_true", help="load the demo catalog and use its small model")
    parser.add_argument("--output", type=Path, default=Path(".env"), metavar="FILE")
    options = parser.parse_args(arguments)
    lines = [f"{name}={value}\n" for name, value in environment(demo=options.demo).items()]
    try:
        write_private(options.output, "".join(lines))
    except FileExistsError:
        sys.stderr.write(
            f"{options.output} exists and stays as it is. A database that was made with its passwords "
            f"opens to no others; without such a database, delete the file and run this again.\n"
        )
        return 1
    sys.stdout.write(f"{options.output.absolute()} is written. Next: docker compose up\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
