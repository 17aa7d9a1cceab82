"""Downloads whose files, signature or manifest are bad are refused; the active model stays."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from data.manifest import CATALOGUE, MANIFEST, MODEL, PROBES, SIGNATURE
from data.signing import PrivateKey
from edge.models.activation import UpdateState

FILES = (MODEL, PROBES, CATALOGUE)
Spoil = Callable[[Path], None]


def flip(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)

    return spoil


def cut(name: str) -> Spoil:
    return lambda folder: os.truncate(folder / name, (folder / name).stat().st_size - 1)


def without(name: str) -> Spoil:
    return lambda folder: (folder / name).unlink()


def longer(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        with (folder / name).open("ab") as file:
            file.write(b"\0")

    return spoil


def holding(name: str, content: bytes) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return spoil


def linked(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        real = folder.parent / f"real-{name}"
        (folder / name).rename(real)
        (folder / name).symlink_to(real)

    return spoil


def a_pipe(folder: Path) -> None:
    (folder / MODEL).unlink()
    os.mkfifo(folder / MODEL)


def a_folder(folder: Path) -> None:
    (folder / MODEL).unlink()
    (folder / MODEL).mkdir()


def crowded(folder: Path) -> None:
    for number in range(20):
        (folder / f"more{number}.bin").write_bytes(b"")


def huge(folder: Path) -> None:
    with (folder / "huge.bin").open("wb") as file:
        file.truncate(200 * 1024 * 1024)


def itself_a_link(folder: Path) -> None:
    real = folder.parent / ".elsewhere"
    folder.rename(real)
    folder.symlink_to(real)


def gone(folder: Path) -> None:
    shutil.rmtree(folder)


def another_signature(folder: Path) -> None:
    (folder / SIGNATURE).write_bytes(PrivateKey.new().sign((folder / MANIFEST).read_bytes()))


def unknown_key(folder: Path) -> None:
    key = PrivateKey.new()
    manifest = json.loads((folder / MANIFEST).read_bytes())
    raw = json.dumps({**manifest, "key_id": key.key_id}).encode()
    (folder / MANIFEST).write_bytes(raw)
    (folder / SIGNATURE).write_bytes(key.sign(raw))


SPOILED: dict[str, tuple[Spoil, str]] = {
    **{f"flipped byte in {name}": (flip(name), "bytes are not those") for name in FILES},
    "flipped byte in the manifest": (flip(MANIFEST), "manifest"),
    "flipped byte in the signature": (flip(SIGNATURE), "is not key"),
    **{f"{name} cut short": (cut(name), "bytes are not those") for name in FILES},
    "manifest cut short": (cut(MANIFEST), "manifest"),
    "signature cut short": (cut(SIGNATURE), "is not key"),
    **{f"{name} missing": (without(name), "No such file") for name in FILES},
    "manifest missing": (without(MANIFEST), "holds no manifest"),
    "signature missing": (without(SIGNATURE), "No such file"),
    "model longer than signed": (longer(MODEL), "allowed"),
    "signature longer than one": (longer(SIGNATURE), "allowed"),
    "signature of zeros": (holding(SIGNATURE, bytes(64)), "is not key"),
    "signature by another key": (another_signature, "is not key"),
    "key not trusted here": (unknown_key, "not trusted"),
    "manifest empty": (holding(MANIFEST, b""), "names no key"),
    "manifest no JSON": (holding(MANIFEST, b"{" * 5000), "names no key"),
    "manifest without a key": (holding(MANIFEST, b"{}"), "names no key"),
    "manifest huge": (holding(MANIFEST, b" " * 300_000), "allowed"),
    "model a link": (linked(MODEL), "plain file"),
    "manifest a link": (linked(MANIFEST), "plain file"),
    "model a named pipe": (a_pipe, "plain file"),
    "model a folder": (a_folder, "plain file"),
    "too many files": (crowded, "too many"),
    "a huge file beside": (huge, "too large"),
    "the folder itself a link": (itself_a_link, "cannot be copied"),
    "nothing there": (gone, "cannot be copied"),
}


@pytest.mark.parametrize("kind", SPOILED)
def test_a_spoiled_download_is_refused_and_the_active_model_answers(device, rebundle, kind):
    spoil, reason = SPOILED[kind]
    before, pointer = device.answers(), device.store.read()
    sha256 = rebundle(device.incoming / "2")
    spoil(device.incoming / "2")
    state, why = device.update(device.offer("2", 2, sha256))
    assert state is UpdateState.REFUSED
    assert reason in why
    device.assert_refused_and_unchanged(before, pointer)


@pytest.mark.parametrize("name", ["../1", "/etc", "..", ".hidden", "a/b", ""])
def test_a_name_that_is_a_path_is_refused(device, name):
    before, pointer = device.answers(), device.store.read()
    state, why = device.update(device.offer(name, 2, "00" * 32))
    assert state is UpdateState.REFUSED
    assert "plain name" in why
    device.assert_refused_and_unchanged(before, pointer)


MANIFESTS: dict[str, tuple[dict, str]] = {
    "a version too far on": ({"version": 10_002}, "too far above version 1"),
    "the active version with other content": ({"version": 1}, "with another manifest"),
    "another model's name": ({"name": "games"}, "named 'games'"),
    "newer ONNX Runtime needed": (
        {"min_onnxruntime": "99.1"},
        "newer software: ONNX Runtime 99.1",
    ),
    "an input missing": ({"inputs": ()}, "input 'director' is absent"),
    "an output missing": ({"outputs": ()}, "output 'expected' is absent"),
}


@pytest.mark.parametrize("kind", MANIFESTS)
def test_a_signed_manifest_for_other_devices_is_refused(device, rebundle, kind):
    fields, reason = MANIFESTS[kind]
    before, pointer = device.answers(), device.store.read()
    # Another model than the active one, so that it isn't a repeated offer of what answers already.
    sha256 = rebundle(device.incoming / "2", {"extra.txt": b"another"}, **fields)
    state, why = device.update(device.offer("2", fields.get("version", 2), sha256))
    assert state is UpdateState.REFUSED
    assert reason in why
    device.assert_refused_and_unchanged(before, pointer)


def test_another_name_takes_the_place_of_the_active_one_if_the_owner_says_so(device, rebundle):
    games = rebundle(device.incoming / "2", {"extra.txt": b"games"}, name="games")
    _, why = device.update(device.offer("2", 2, games))
    assert 'set accept_domain = "games" in greenlight.toml' in why
    games = rebundle(device.incoming / "2", {"extra.txt": b"games"}, name="games")
    assert device.update(device.offer("2", 2, games), "chess")[0] is UpdateState.REFUSED
    games = rebundle(device.incoming / "2", {"extra.txt": b"games"}, name="games")
    assert device.update(device.offer("2", 2, games), "games") == (UpdateState.ACTIVATED, None)
    assert device.store.read().active == 2


def test_another_name_never_takes_a_kept_models_folder(device, rebundle):
    before, pointer = device.answers(), device.store.read()
    games = rebundle(device.incoming / "1", {"extra.txt": b"games"}, name="games", version=1)
    state, why = device.update(device.offer("1", 1, games), "games")
    assert state is UpdateState.REFUSED
    assert "--version 2" in why
    device.assert_refused_and_unchanged(before, pointer)


def test_an_input_of_another_kind_is_refused(device, rebundle, small_bundle):
    inputs = tuple(
        msgspec.structs.replace(tensor, dtype="float") if tensor.name == "year" else tensor
        for tensor in small_bundle.manifest.inputs
    )
    sha256 = rebundle(device.incoming / "2", inputs=inputs)
    state, why = device.update(device.offer("2", 2, sha256))
    assert state is UpdateState.REFUSED
    assert "input 'year' is float; this appliance needs it int64" in why


RAW_MANIFESTS: dict[str, tuple[dict, str]] = {
    "schema of the future": ({"schema_version": 2}, "needs newer software"),
    "version zero": ({"version": 0}, "version"),
    "version as text": ({"version": "2"}, "version"),
    "a file outside of the folder": ({"files": {"../model.onnx": {}}}, "files"),
    "no files": ({"files": {}}, "files"),
}


@pytest.mark.parametrize("kind", RAW_MANIFESTS)
def test_a_signed_file_that_is_not_a_manifest_is_refused(device, rebundle, signing_key, kind):
    fields, reason = RAW_MANIFESTS[kind]
    before, pointer = device.answers(), device.store.read()
    folder = device.incoming / "2"
    rebundle(folder)
    raw = json.dumps({**json.loads((folder / MANIFEST).read_bytes()), **fields}).encode()
    (folder / MANIFEST).write_bytes(raw)
    (folder / SIGNATURE).write_bytes(signing_key.sign(raw))
    state, why = device.update(device.offer("2", 2, hashlib.sha256(raw).hexdigest()))
    assert state is UpdateState.REFUSED
    assert reason in why
    device.assert_refused_and_unchanged(before, pointer)


@pytest.mark.parametrize("text", ["\u202egnp", "a\u200bb", "\x1b[2J", "\x9b2J", "two\nlines"])
def test_text_that_would_forge_what_is_shown_is_refused(device, rebundle, small_bundle, text):
    before, pointer = device.answers(), device.store.read()
    sha256 = rebundle(device.incoming / "2", created_at=text)
    state, why = device.update(device.offer("2", 2, sha256))
    assert (state, why) == (
        UpdateState.REFUSED,
        "manifest.json holds a control or invisible character",
    )
    catalogue = json.loads(small_bundle.files[CATALOGUE])
    catalogue["titles"]["words"][-1] += text
    sha256 = rebundle(device.incoming / "3", {CATALOGUE: json.dumps(catalogue).encode()}, version=3)
    state, why = device.update(device.offer("3", 3, sha256))
    assert (state, why) == (
        UpdateState.REFUSED,
        "`titles` holds a control or invisible character; remove it",
    )
    assert device.store.read() == pointer
    assert device.answers() == before


def test_a_manifest_other_than_the_offered_one_is_refused(device, rebundle):
    before, pointer = device.answers(), device.store.read()
    rebundle(device.incoming / "2")
    state, why = device.update(device.offer("2", 2, "00" * 32))
    assert (state, why) == (
        UpdateState.REFUSED,
        "the manifest is not the one that was offered",
    )
    device.assert_refused_and_unchanged(before, pointer)


def test_a_version_other_than_the_offered_one_is_refused(device, rebundle):
    sha256 = rebundle(device.incoming / "3", version=2)
    state, why = device.update(device.offer("3", 3, sha256))
    assert state is UpdateState.REFUSED
    assert "says version 2, the offer 3" in why


def test_a_model_in_quarantine_is_refused_under_any_version(device, rebundle):
    sha256 = rebundle(device.incoming / "2", {"extra.txt": b"as before"})
    assert device.update(device.offer("2", 2, sha256))[0] is UpdateState.ACTIVATED
    device.store.roll_back(device.active.model_hash)
    sha256 = rebundle(device.incoming / "3", version=3)
    state, why = device.update(device.offer("3", 3, sha256))
    assert state is UpdateState.REFUSED
    assert "quarantine" in why
