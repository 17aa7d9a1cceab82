"""Bundles: only what was signed by a trusted key is ever read."""

import json
import os

import msgspec
import pytest

from data import bundle, signing
from data.manifest import Manifest, Tensor, TrainingSource

FILES = {"model.onnx": b"model", "probes.json": b"{}", "catalogue.json": b"{}"}


MANIFEST = Manifest(
    name="films",
    version=3,
    created_at="2027-03-01T12:00:00Z",
    key_id="",
    files={},
    inputs=(Tensor("director", "string", (None, 1)),),
    outputs=(Tensor("expected", "float32", (None, 1)),),
    feature_schema={},
    metrics={"rmse": 0.9},
    training=TrainingSource("made up", 1, "0" * 64),
    min_onnxruntime="1.20",
)


@pytest.fixture
def key():
    return signing.PrivateKey.new()


@pytest.fixture
def trusted(key):
    return {key.key_id: key.public_pem}


@pytest.fixture
def folder(tmp_path, key):
    bundle.write_bundle(tmp_path / "bundle", MANIFEST, FILES, key)
    return tmp_path / "bundle"


def test_what_was_written_is_read(folder, trusted):
    read = bundle.read_bundle(folder, trusted)
    assert dict(read.files) == FILES
    assert read.manifest.version == 3
    assert read.model == b"model"


def test_a_flipped_bit_anywhere_in_any_file_is_refused(folder, trusted):
    for path in folder.iterdir():
        content = path.read_bytes()
        for at in range(len(content)):
            path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
            with pytest.raises(bundle.BundleRefused):
                bundle.read_bundle(folder, trusted)
        path.write_bytes(content)
    bundle.read_bundle(folder, trusted)


def test_another_key_is_not_trusted(folder):
    other = signing.PrivateKey.new()
    with pytest.raises(bundle.UnknownKey):
        bundle.read_bundle(folder, {other.key_id: other.public_pem})


def test_another_keys_signature_under_a_trusted_name_is_refused(folder, trusted):
    raw = (folder / "manifest.json").read_bytes()
    (folder / "manifest.sig").write_bytes(signing.PrivateKey.new().sign(raw))
    with pytest.raises(bundle.BadSignature):
        bundle.read_bundle(folder, trusted)


@pytest.mark.parametrize("name", ["model.onnx", "manifest.json", "manifest.sig"])
@pytest.mark.parametrize("spoil", ["missing", "link", "pipe", "folder", "longer", "empty"])
def test_files_that_are_not_plain_or_not_whole_are_refused(folder, trusted, name, spoil):
    path = folder / name
    content = path.read_bytes()
    path.unlink()
    if spoil == "link":
        (folder / "elsewhere").write_bytes(content)
        path.symlink_to(folder / "elsewhere")
    elif spoil == "pipe":
        os.mkfifo(path)
    elif spoil == "folder":
        path.mkdir()
    elif spoil == "longer":
        path.write_bytes(content + b"x")
    elif spoil == "empty":
        path.write_bytes(b"")
    with pytest.raises(bundle.BundleRefused):
        bundle.read_bundle(folder, trusted)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 0},
        {"name": "../films"},
        {"min_onnxruntime": "new"},
        {"files": {"../x.onnx": {"sha256": "0" * 64, "bytes": 1}}},
        {"files": {"model.onnx": {"sha256": "0" * 64, "bytes": 1}}},
        {"metrics": {"rmse": "good"}},
    ],
)
def test_a_signed_manifest_that_makes_no_sense_is_refused(folder, key, trusted, changes):
    raw = json.loads((folder / "manifest.json").read_text()) | changes
    content = json.dumps(raw).encode()
    (folder / "manifest.json").write_bytes(content)
    (folder / "manifest.sig").write_bytes(key.sign(content))
    with pytest.raises(bundle.BadManifest):
        bundle.read_bundle(folder, trusted)


@pytest.mark.parametrize(
    "needs", [{"bundle_format": 2}, {"schema_version": 2}, {"min_software": "99.0.0"}]
)
def test_a_bundle_for_later_software_says_so_before_anything_else_is_read(
    folder, key, trusted, needs
):
    raw = json.loads((folder / "manifest.json").read_text()) | {"files": "of another kind"} | needs
    content = json.dumps(raw).encode()
    (folder / "manifest.json").write_bytes(content)
    (folder / "manifest.sig").write_bytes(key.sign(content))
    with pytest.raises(bundle.BundleRefused) as refused:
        bundle.read_bundle(folder, trusted)
    assert type(refused.value) is bundle.NeedsNewerSoftware
    assert str(refused.value).startswith("needs newer software: ")
    (folder / "manifest.sig").write_bytes(b"0" * 64)
    with pytest.raises(bundle.BadSignature):
        bundle.read_bundle(folder, trusted)


def test_writing_again_replaces_the_bundle_and_nothing_else(folder, key, trusted, tmp_path):
    newer = msgspec.structs.replace(MANIFEST, version=4)
    bundle.write_bundle(folder, newer, FILES | {"model.onnx": b"newer"}, key)
    assert bundle.read_bundle(folder, trusted).manifest.version == 4
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    other = tmp_path / "letters"
    other.mkdir()
    (other / "dear.txt").write_text("friend")
    with pytest.raises(FileExistsError):
        bundle.write_bundle(other, newer, FILES, key)
    assert (other / "dear.txt").read_text() == "friend"
