"""Tests of the number of random bits in an API key, and of the stored form of a key."""

import base64
import re

from api.keys.key import SECRET_BYTES, KeyRecord, Role, id_of, make_key


def test_a_key_has_at_least_128_random_bits_beside_its_id() -> None:
    key, record = make_key("alice")
    secret = key.removeprefix(f"cvs_{record.id}_")

    assert len(base64.urlsafe_b64decode(secret + "==")) == SECRET_BYTES
    assert SECRET_BYTES * 8 >= 128


def test_no_two_keys_are_alike() -> None:
    keys = [make_key("alice") for _ in range(100)]

    assert len({key for key, _ in keys}) == len({record.id for _, record in keys}) == 100


def test_the_stored_record_does_not_contain_the_key() -> None:
    key, record = make_key("alice", role=Role.ADMIN, rate="5/second")
    secret = key.split("_", 2)[2]

    assert secret.encode() not in record.to_json()
    assert secret not in repr(record)
    assert re.fullmatch(r"[0-9a-f]{64}", record.sha256)
    assert KeyRecord.from_json(record.to_json()) == record


def test_a_key_matches_only_its_own_record() -> None:
    key, record = make_key("alice")
    other, _ = make_key("alice")

    assert record.matches(key)
    assert not record.matches(other)
    assert not record.matches(key[:-1])
    assert not record.matches("")


def test_a_malformed_key_has_no_id() -> None:
    key, record = make_key("alice")

    assert id_of(key) == record.id
    for wrong in ("", "cvs_", key + "x", key.upper(), f" {key}", key.replace("cvs", "sk")):
        assert id_of(wrong) is None
