"""A bundle is good only if every byte of it is."""

import json
import shutil
import subprocess

import msgspec
import pytest
from typer.testing import CliRunner

from data import limits, wire
from data.bundle import read_bundle, write_bundle
from data.manifest import CATALOGUE, MANIFEST, MODEL, PROBES, SIGNATURE, Provenance
from training.cli import app
from training.export import provenance
from training.export.verify import verify

pytestmark = pytest.mark.numeric


@pytest.fixture
def copy(example, tmp_path):
    return shutil.copytree(example.folder, tmp_path / "bundle")


def test_a_good_bundle_is_good(example):
    verdict = verify(example.folder, example.keys)
    assert (verdict.ok, verdict.error) == (True, None)
    assert verdict.probes == 96


def test_a_good_bundle_says_how_its_model_came_about(example, tmp_path):
    (tmp_path / "mine.pub.pem").write_bytes(example.key.public_pem)
    arguments = ["verify", str(example.folder), "--keys", str(tmp_path)]
    found = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    commit = found["provenance"].get("commit", "unknown")
    assert commit.startswith(head_of_this_repository())
    assert found["provenance"]["judgement"] is None
    words = CliRunner().invoke(app, arguments).stdout
    for said in (found["training"]["sha256"][:16], commit[:16], "by nobody", "no model before it"):
        assert said in words


def head_of_this_repository():
    """Return its commit; "" where git can't say, as in another user's checkout."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def test_an_image_without_a_repository_names_the_commit_it_was_built_from(monkeypatch, tmp_path):
    monkeypatch.setattr(provenance, "_ROOT", tmp_path)
    monkeypatch.delenv(provenance.COMMIT, raising=False)
    assert provenance.with_code(Provenance()).commit is msgspec.UNSET
    monkeypatch.setenv(provenance.COMMIT, "ab" * 20)
    assert provenance.with_code(Provenance()).commit == "ab" * 20


@pytest.mark.parametrize("name", [MANIFEST, SIGNATURE, MODEL, PROBES, CATALOGUE])
@pytest.mark.parametrize("place", [0.0, 0.3, 0.99])
def test_a_flipped_byte_in_any_file_is_caught(example, copy, name, place):
    content = bytearray((copy / name).read_bytes())
    content[int(place * len(content))] ^= 1
    (copy / name).write_bytes(content)
    assert not verify(copy, example.keys).ok


@pytest.mark.parametrize("name", [MANIFEST, SIGNATURE, MODEL, PROBES, CATALOGUE])
def test_a_missing_or_shortened_file_is_caught(example, copy, name):
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[:-1])
    assert not verify(copy, example.keys).ok
    (copy / name).unlink()
    assert not verify(copy, example.keys).ok


def test_a_key_that_is_not_trusted_is_refused(example):
    assert verify(example.folder, {}).error.startswith("UnknownKey")


def resigned(example, folder, **changed):
    bundle = read_bundle(example.folder, example.keys)
    write_bundle(folder, bundle.manifest, {**bundle.files, **changed}, example.key)
    return verify(folder, example.keys)


@pytest.mark.parametrize("field", ["expected", "probabilities"])
def test_a_correctly_signed_model_that_misses_its_probes_is_refused(example, tmp_path, field):
    probes = read_bundle(example.folder, example.keys).probes()
    first = probes.probes[0]
    moved = (
        msgspec.structs.replace(first, expected=first.expected + 2**-12)
        if field == "expected"
        else msgspec.structs.replace(first, probabilities=first.probabilities[::-1])
    )
    wrong = msgspec.structs.replace(probes, probes=(moved, *probes.probes[1:]))
    raw = wire.encode(wrong, limits.MAX_BUNDLE_FILE_BYTES)
    verdict = resigned(example, tmp_path / "wrong", **{PROBES: raw})
    assert not verdict.ok
    assert verdict.error.startswith("ProbeFailed")


def test_a_correctly_signed_file_that_is_not_a_model_is_refused(example, tmp_path):
    assert not resigned(example, tmp_path / "wrong", **{MODEL: b"no model"}).ok


def test_a_correctly_signed_catalogue_of_another_schema_is_refused(example, tmp_path):
    raw = msgspec.json.decode(example.exported.files[CATALOGUE])
    raw["schema_version"] = 99
    verdict = resigned(example, tmp_path / "wrong", **{CATALOGUE: msgspec.json.encode(raw)})
    assert "schema_version" in verdict.error


def test_the_command_says_so_by_exit_code_and_as_json(example, copy, tmp_path):
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "mine.pub.pem").write_bytes(example.key.public_pem)
    good = CliRunner().invoke(app, ["verify", str(copy), "--keys", str(keys), "--json"])
    said = json.loads(good.output)
    assert (good.exit_code, said["ok"], said["version"]) == (0, True, 1)
    (copy / PROBES).write_bytes(b"{}")
    bad = CliRunner().invoke(app, ["verify", str(copy), "--keys", str(keys), "--json"])
    assert (bad.exit_code, json.loads(bad.output)["ok"]) == (1, False)
    assert CliRunner().invoke(app, ["verify", str(copy), "--keys", str(keys)]).exit_code == 1
