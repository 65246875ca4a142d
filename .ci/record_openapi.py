"""Records the OpenAPI document of a release, so that tests can compare later versions with the release."""

from pathlib import Path

import orjson

from api.app import create_app
from common.settings import load_settings
from common.version import VERSION

RELEASED = Path("tests/unit/api/contract/released")


def main() -> None:
    """Write the OpenAPI document of this version to a file, and print the file's path."""
    document = create_app(load_settings({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"})).openapi()
    path = RELEASED / f"{VERSION}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    print(path)


if __name__ == "__main__":
    main()
