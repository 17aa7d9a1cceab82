"""Attacks on the trust document, modelled on python-tuf's tests of its updater.

`docs/decisions/0020-...` lists python-tuf's tests side by side with these.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from data.signing import KeyUnusable, PrivateKey
from data.trust import (
    MODELS,
    ROOT,
    SignedTrust,
    TrustDocument,
    TrustExpired,
    TrustRefused,
    TrustRole,
    begin,
    file_name,
    follow,
    read_trust,
)

KEYS = [PrivateKey.new() for _ in range(10)]
MODEL_KEY, OTHER_MODEL_KEY = PrivateKey.new(), PrivateKey.new()


class Root(NamedTuple):
    """The root role of one version, and who signs it; numbers are places in KEYS."""

    keys: list[int]
    threshold: int
    signed_by: list[int]
    refused: str = ""


def document(
    version: int,
    root: Root,
    model_key: PrivateKey = MODEL_KEY,
    expires_at: str = "2099-01-01T00:00:00Z",
) -> TrustDocument:
    members = [KEYS[number] for number in root.keys]
    return TrustDocument(
        version=version,
        created_at="2026-01-01T00:00:00Z",
        expires_at=expires_at,
        keys={key.key_id: key.public_pem.decode() for key in (*members, model_key)},
        roles={
            ROOT: TrustRole(tuple(key.key_id for key in members), root.threshold),
            MODELS: TrustRole((model_key.key_id,)),
        },
    )


def signed(made: TrustDocument, signers: list[PrivateKey]) -> bytes:
    one = SignedTrust(msgspec.json.encode(made))
    for signer in signers:
        one = one.sign(signer)
    return one.encode()


def written(version: int, root: Root, **changes: object) -> bytes:
    return signed(document(version, root, **changes), [KEYS[n] for n in root.signed_by])


FIVE = [0, 1, 2, 3, 4]
ONE_CHANGED = [0, 1, 3, 4, 5]
ROTATIONS: dict[str, list[Root]] = {
    "1-of-1 key rotation": [Root([1], 1, [1]), Root([2], 1, [2, 1]), Root([2], 1, [2])],
    "unused signatures": [
        Root([1], 1, [3, 1, 4]),
        Root([2], 1, [3, 2, 1, 4]),
        Root([2], 1, [3, 2, 4]),
    ],
    "not signed with old key": [
        Root([1], 1, [1]),
        Root([2], 1, [2, 3, 4], "0 of version 1's root keys"),
    ],
    "not signed with new key": [Root([1], 1, [1]), Root([2], 1, [1, 3, 4], "0 of its own")],
    "3-of-5, sign with different keycombos": [
        Root(FIVE, 3, [0, 2, 4]),
        Root(FIVE, 3, [0, 4, 1]),
        Root(FIVE, 3, [0, 1, 3]),
        Root(FIVE, 3, [0, 1, 3]),
    ],
    "3-of-5, one key rotated": [Root(FIVE, 3, [0, 2, 4]), Root(ONE_CHANGED, 3, [0, 4, 1])],
    "3-of-5, not signed with 3 new keys": [
        Root(FIVE, 3, [0, 2, 4]),
        Root(ONE_CHANGED, 3, [0, 2, 4], "2 of its own root keys; 3 must sign"),
    ],
    "3-of-5, not signed with 3 old keys": [
        Root(FIVE, 3, [0, 2, 4]),
        Root(ONE_CHANGED, 3, [0, 4, 5], "2 of version 1's root keys; 3 must sign"),
    ],
    "3-of-5, one key rotated, with intermediate step": [
        Root(FIVE, 3, [0, 2, 4]),
        Root(ONE_CHANGED, 3, [0, 2, 4, 5]),
        Root(ONE_CHANGED, 3, [0, 4, 5]),
    ],
    "3-of-5, all keys rotated, with intermediate step": [
        Root(FIVE, 3, [0, 2, 4]),
        Root([5, 6, 7, 8, 9], 3, [0, 2, 4, 5, 6, 7]),
        Root([5, 6, 7, 8, 9], 3, [5, 6, 7]),
    ],
    "1-of-3 threshold increase to 2-of-3": [Root([1, 2, 3], 1, [1]), Root([1, 2, 3], 2, [1, 2])],
    "1-of-3 to 2-of-3, new threshold not reached": [
        Root([1, 2, 3], 1, [1]),
        Root([1, 2, 3], 2, [2], "1 of its own"),
    ],
    "2-of-3 threshold decrease to 1-of-3": [
        Root([1, 2, 3], 2, [1, 2]),
        Root([1, 2, 3], 1, [1, 2]),
        Root([1, 2, 3], 1, [1]),
    ],
    "2-of-3 to 1-of-3, old threshold not reached": [
        Root([1, 2, 3], 2, [1, 2]),
        Root([1, 2, 3], 1, [1], "1 of version 1's"),
    ],
    "1-of-2 threshold increase to 2-of-2": [Root([1], 1, [1]), Root([1, 2], 2, [1, 2])],
}


@pytest.mark.parametrize("kind", ROTATIONS)
def test_only_the_old_and_the_new_threshold_together_change_the_keys(kind: str, tmp_path: Path):
    versions, current = ROTATIONS[kind], None
    for number, root in enumerate(versions, 1):
        raw = written(number, root)
        (tmp_path / file_name(number)).write_bytes(raw)
        if root.refused:
            with pytest.raises(TrustRefused, match=root.refused):
                follow(current, raw)
        else:
            current = begin(raw) if number == 1 else follow(current, raw)
    good = sum(not root.refused for root in versions)
    trust = read_trust(tmp_path)
    assert trust.document == current
    assert current.version == good


SOLO = Root([1], 1, [1])


def test_only_the_next_version_is_accepted():
    current = begin(written(3, SOLO))
    for version in (1, 2, 3, 5, 1_000_000):
        with pytest.raises(TrustRefused, match="after version 3 comes 4"):
            follow(current, written(version, SOLO))
    assert follow(current, written(4, SOLO)).version == 4


def test_a_signature_given_twice_counts_once():
    root = Root([1, 2], 2, [1])
    raw = json.loads(written(1, root))
    raw["signatures"] *= 5
    with pytest.raises(TrustRefused, match="1 of its own root keys; 2 must sign"):
        begin(json.dumps(raw).encode())
    # Under another key's name it isn't that key's.
    raw["signatures"][1] = {**raw["signatures"][0], "key_id": KEYS[2].key_id}
    with pytest.raises(TrustRefused, match="1 of its own root keys; 2 must sign"):
        begin(json.dumps(raw).encode())


def test_one_key_under_two_names_is_refused():
    made = document(1, Root([1], 1, [1]))
    twice = {**made.keys, "0" * 16: KEYS[1].public_pem.decode()}
    root = TrustRole((KEYS[1].key_id, "0" * 16), 2)
    made = msgspec.structs.replace(made, keys=twice, roles={**made.roles, ROOT: root})
    with pytest.raises(TrustRefused, match="isn't the id of its key"):
        begin(signed(made, [KEYS[1]]))


def test_signatures_of_something_else_do_not_count():
    made = document(1, SOLO)
    raw = msgspec.json.encode(made)
    as_manifest = SignedTrust(raw).sign(KEYS[1])
    one = msgspec.structs.replace(as_manifest.signatures[0], signature=KEYS[1].sign(raw))
    with pytest.raises(TrustRefused, match="0 of its own"):
        begin(msgspec.structs.replace(as_manifest, signatures=(one,)).encode())
    # They don't count for other content either, or cut short.
    other = msgspec.json.encode(document(1, SOLO, OTHER_MODEL_KEY))
    with pytest.raises(TrustRefused, match="0 of its own"):
        begin(msgspec.structs.replace(as_manifest, document=other).encode())
    cut = msgspec.structs.replace(as_manifest.signatures[0], signature=b"\0" * 63)
    with pytest.raises(TrustRefused, match="0 of its own"):
        begin(msgspec.structs.replace(as_manifest, signatures=(cut,)).encode())


BROKEN: dict[str, tuple[dict, str]] = {
    "threshold of none": ({"threshold": 0}, "`threshold` in `root` in `roles` is 0"),
    "threshold below none": ({"threshold": -1}, "`threshold` in `root` in `roles` is -1"),
    "threshold above the keys": (
        {"threshold": 2},
        "`threshold` in `root` in `roles` is 2; there are 1 keys",
    ),
    "no keys": ({"key_ids": []}, "`key_ids` in `root` in `roles` names no key"),
    "a key twice": ({"key_ids": [KEYS[1].key_id] * 2}, "one twice"),
    "a key that isn't there": ({"key_ids": ["f" * 16]}, "which has no key"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_root_role_that_anybody_could_fill_is_refused(kind: str):
    change, reason = BROKEN[kind]
    made = msgspec.to_builtins(document(1, SOLO))
    made["roles"][ROOT] |= change
    raw = SignedTrust(json.dumps(made).encode()).sign(KEYS[1]).encode()
    with pytest.raises(TrustRefused, match=reason):
        begin(raw)


def test_the_key_that_signs_models_cannot_become_root():
    made = document(1, SOLO)
    roles = {**made.roles, MODELS: TrustRole((KEYS[1].key_id,))}
    with pytest.raises(TrustRefused, match="holds a root key"):
        begin(signed(msgspec.structs.replace(made, roles=roles), [KEYS[1]]))
    current = begin(written(1, SOLO))
    taken_over = document(2, Root([1, 2], 1, []))
    with pytest.raises(TrustRefused, match="0 of version 1's"):
        follow(current, signed(taken_over, [MODEL_KEY]))


def test_content_without_end_or_sense_is_refused(tmp_path: Path):
    for raw in (b"", b"{", b"[" * 100_000, b" " * 70_000, b"\xff\xfe", b'{"document":"e30="}'):
        with pytest.raises(TrustRefused, match="isn't a trust document"):
            SignedTrust.read(raw)
    (tmp_path / "trust-1.json").write_bytes(written(1, SOLO))
    with (tmp_path / "trust-2.json").open("wb") as file:
        file.truncate(1 << 30)
    assert read_trust(tmp_path).document.version == 1
    many = json.loads(written(1, SOLO))
    many["signatures"] *= 65
    with pytest.raises(TrustRefused, match="more than 64"):
        begin(json.dumps(many).encode())


def test_expiry_stops_new_models_by_a_set_clock_only_and_never_a_successor(tmp_path: Path):
    (tmp_path / "trust-1.json").write_bytes(written(1, SOLO, expires_at="2026-06-01T00:00:00Z"))
    trust = read_trust(tmp_path)
    trust.refuse_if_expired(datetime(2026, 5, 31, 23, 59, 59, tzinfo=UTC))
    trust.refuse_if_expired(datetime(1970, 1, 1, tzinfo=UTC))
    with pytest.raises(TrustExpired, match="expired on 2026-06-01"):
        trust.refuse_if_expired(datetime(2026, 6, 1, tzinfo=UTC))
    assert trust.known.keys() == {MODEL_KEY.key_id}
    # An expired version between two good ones is passed through, as in TUF.
    (tmp_path / "trust-2.json").write_bytes(written(2, SOLO, expires_at="2026-01-01T00:00:00Z"))
    (tmp_path / "trust-3.json").write_bytes(written(3, SOLO))
    trust = read_trust(tmp_path)
    assert trust.document.version == 3
    trust.refuse_if_expired(datetime(2030, 1, 1, tzinfo=UTC))


def test_a_badly_signed_version_ends_the_chain_whatever_follows(tmp_path: Path):
    (tmp_path / "trust-1.json").write_bytes(written(1, SOLO))
    (tmp_path / "trust-2.json").write_bytes(written(2, Root([1], 1, [])))
    (tmp_path / "trust-3.json").write_bytes(written(3, SOLO))
    assert read_trust(tmp_path).document.version == 1


def test_a_key_taken_out_of_its_role_brings_no_new_model_but_its_old_one_answers(tmp_path: Path):
    (tmp_path / "trust-1.json").write_bytes(written(1, SOLO))
    (tmp_path / "trust-2.json").write_bytes(written(2, SOLO, model_key=OTHER_MODEL_KEY))
    trust = read_trust(tmp_path)
    assert trust.new.keys() == {OTHER_MODEL_KEY.key_id}
    assert trust.known.keys() == {MODEL_KEY.key_id, OTHER_MODEL_KEY.key_id}


def test_a_device_with_plain_keys_is_taken_over_by_one_of_them(tmp_path: Path):
    keys, updates = tmp_path / "keys", tmp_path / "updates"
    keys.mkdir()
    updates.mkdir()
    (keys / "old.pub.pem").write_bytes(MODEL_KEY.public_pem)
    first = document(1, SOLO, OTHER_MODEL_KEY)
    # Anyone could have made its root keys: no key trusted here vouches for them.
    (updates / "trust-1.json").write_bytes(signed(first, [KEYS[1]]))
    trust = read_trust(keys, updates)
    assert (trust.document, trust.new.keys()) == (None, {MODEL_KEY.key_id})
    # The old key alone isn't enough either.
    (updates / "trust-1.json").write_bytes(signed(first, [MODEL_KEY]))
    assert read_trust(keys, updates).document is None
    (updates / "trust-1.json").write_bytes(signed(first, [KEYS[1], MODEL_KEY]))
    trust = read_trust(keys, updates)
    assert trust.document.version == 1
    assert trust.new.keys() == {OTHER_MODEL_KEY.key_id}
    assert trust.known.keys() == {MODEL_KEY.key_id, OTHER_MODEL_KEY.key_id}


def test_a_document_that_root_installed_is_not_replaced_by_another_first_version(tmp_path: Path):
    keys, updates = tmp_path / "keys", tmp_path / "updates"
    keys.mkdir()
    updates.mkdir()
    (keys / "plain.pub.pem").write_bytes(OTHER_MODEL_KEY.public_pem)
    (keys / "trust-2.json").write_bytes(written(2, SOLO))
    (updates / "trust-1.json").write_bytes(
        signed(document(1, Root([3], 1, [])), [KEYS[3], OTHER_MODEL_KEY])
    )
    trust = read_trust(keys, updates)
    assert (trust.document.version, trust.new.keys()) == (2, {MODEL_KEY.key_id})
    # If it's damaged, no key is trusted, rather than any.
    (keys / "trust-2.json").write_bytes(b"\0")
    with pytest.raises(KeyUnusable, match=r"trust-2\.json"):
        read_trust(keys, updates)


def test_a_link_is_not_followed(tmp_path: Path):
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_bytes(written(2, SOLO))
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "trust-1.json").write_bytes(written(1, SOLO))
    (keys / "trust-2.json").symlink_to(elsewhere)
    assert read_trust(keys).document.version == 1


def test_the_file_holds_the_very_bytes_that_were_signed():
    raw = json.loads(written(1, SOLO))
    inner = msgspec.json.decode(base64.b64decode(raw["document"]), type=TrustDocument)
    assert inner == document(1, SOLO)
