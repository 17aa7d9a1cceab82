"""`make release`: a wheel, all that a Pi needs, and checksums."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from data.bundle import read_bundle, write_bundle
from data.manifest import REPORT
from data.signing import development_key, read_public_keys
from training.export.example_bundle import make_example_bundle

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GREENLIGHT_KEYS", str(tmp_path_factory.mktemp("keys")))
        folder = tmp_path_factory.mktemp("bundles") / "bundle"
        make_example_bundle(folder, directors=12)
        key = development_key()
        made = read_bundle(folder, {key.key_id: key.public_pem})
        write_bundle(folder, made.manifest, {**made.files, REPORT: b"<!doctype html>"}, key)
        yield folder


def test_the_changelog_has_the_versions_date_and_what_to_do_first():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    _, section = re.split(
        rf"^## {re.escape(project['version'])} - \d{{4}}-\d\d-\d\d$",
        (ROOT / "CHANGELOG.md").read_text("utf-8"),
        flags=re.MULTILINE,
    )
    assert "### Upgrading" in section.split("\n## ")[0]


def release(bundle, folder):
    done = subprocess.run(
        ["make", "release", f"OUT={bundle}", f"RELEASE={folder}", "--assume-old=.venv/ready"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ},
    )
    assert done.returncode == 0, done.stderr
    return (folder / "SHA256SUMS").read_text()


@pytest.mark.slow
def test_a_release_is_whole_and_checked_by_its_sums(bundle, tmp_path):
    sums = release(bundle, tmp_path / "one")
    subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path / "one", check=True
    )
    subprocess.run(["tar", "-xzf", tmp_path / "one/greenlight-pi.tar.gz"], cwd=tmp_path, check=True)
    pi = tmp_path / "greenlight-pi"
    # With the keys that come in it, and with every file of the model: what the installer checks.
    packed = read_bundle(pi / "bundle", read_public_keys(pi / "public-keys"))
    assert packed.files[REPORT] == b"<!doctype html>"
    names = {str(path.relative_to(pi)) for path in pi.rglob("*")}
    assert {"locks/edge.txt", "systemd/install.sh"} <= names
    assert not [name for name in names if "private" in name or name.endswith(".key")]
    wheels = [name for name in sums.split() if name.endswith(".whl")]
    assert len(wheels) == 1
    assert wheels[0] in names
