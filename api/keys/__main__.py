"""Create, list and revoke API keys in the Redis server at REDIS_URL."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from redis.exceptions import RedisError

from api.keys.key import Role, make_key
from api.keys.store import KeyStore
from common.errors import SettingsError
from common.processes.program_name import command_name
from common.redis.clients import open_redis
from common.redis.errors import describe_error
from common.settings import load_settings, read_rate

NAME_MAX_CHARS = 100


def main(
    arguments: Sequence[str] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    module: str = "api.keys",
) -> int:
    """Run the command and return the exit status; `environ` defaults to the process's environment.

    `module` is the module that was called, for help texts and hints.
    """
    program = command_name("keys", module=module)
    options = _parser(program).parse_args(arguments)
    try:
        settings = load_settings(os.environ if environ is None else environ)
        with open_redis(settings.redis_url.get_secret_value()) as redis:
            return _do(options, KeyStore(redis), program)
    except SettingsError as error:
        return _failed(error.detail)
    except (RedisError, OSError) as error:
        return _failed(describe_error(error, setting="REDIS_URL"))


def _do(options: argparse.Namespace, store: KeyStore, program: str) -> int:
    match options.command:
        case "create":
            return _create(store, options, program)
        case "list":
            return _list(store)
        case _:
            return _revoke(store, options.id, program)


def _create(store: KeyStore, options: argparse.Namespace, program: str) -> int:
    key, record = make_key(options.name, role=Role(options.role), rate=options.rate)
    store.add(record)
    sys.stdout.write(f"{key}\n")
    sys.stderr.write(f"The key is shown only once. To revoke it: {program} revoke {record.id}\n")
    return 0


def _list(store: KeyStore) -> int:
    row = "{:<14}{:<8}{:<16}{:<27}{}\n"
    sys.stdout.write(row.format("ID", "ROLE", "RATE", "CREATED", "NAME"))
    for record in store.all():
        rate = record.rate or "KEY_RATE"
        sys.stdout.write(row.format(record.id, record.role, rate, record.created_at, record.name))
    return 0


def _revoke(store: KeyStore, key_id: str, program: str) -> int:
    if not store.revoke(key_id):
        return _failed(f"there is no key {key_id}; `{program} list` lists all keys")
    sys.stdout.write(f"{key_id} is revoked; gateways refuse it within two seconds\n")
    return 0


def _failed(reason: str) -> int:
    sys.stderr.write(f"keys: {reason}\n")
    return 1


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="create a key and show it once")
    create.add_argument("name", type=_name, help="the owner's name, shown in the list of keys")
    create.add_argument("--role", choices=[role.value for role in Role], default=Role.SEARCH.value)
    create.add_argument("--rate", type=_rate, help="rate limit such as 6000/hour; default: KEY_RATE")
    commands.add_parser("list", help="list every key without its secret")
    revoke = commands.add_parser("revoke", help="revoke a key")
    revoke.add_argument("id")
    return parser


def _name(text: str) -> str:
    if not text.isprintable() or not 1 <= len(text) <= NAME_MAX_CHARS:
        raise argparse.ArgumentTypeError(f"a name has 1 to {NAME_MAX_CHARS} printable characters")
    return text


def _rate(text: str) -> str:
    try:
        return read_rate(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
