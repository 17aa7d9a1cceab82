"""Connecting takes plain files of the provisioned folder only, and trusts its keys alone."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

OwnerStep = Callable[[Path, str], subprocess.CompletedProcess[str]]


def secret(folder: Path) -> Path:
    path = folder / "of-root"
    path.write_text("root:x:...\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def provisioned(tmp_path: Path) -> Path:
    """A folder as provisioning writes it."""
    return device(tmp_path / "device", "a" * 16)


def device(folder: Path, key: str) -> Path:
    (folder / "public-keys").mkdir(parents=True)
    (folder / "sync.toml").write_text('thing = "Kitchen"\n')
    (folder / "private.pem.key").write_text("secret")
    (folder / "public-keys" / f"{key}.pub.pem").write_text("key")
    return folder


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """The folder that stands for /etc/greenlight."""
    folder = tmp_path / "etc"
    folder.mkdir()
    return folder


def fifo(path: Path) -> None:
    os.mkfifo(path)


def link(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def folder(path: Path) -> None:
    path.mkdir()


def second_name(path: Path) -> None:
    (path.parents[1] / "elsewhere").write_text("x")
    os.link(path.parents[1] / "elsewhere", path)


def endless(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 30)


@pytest.mark.parametrize("make", [fifo, link, folder, second_name, endless])
@pytest.mark.parametrize("name", ["root-ca.pem", "sync.toml", "public-keys"])
def test_connect_takes_plain_files_only(make, name, provisioned, etc, owner_step: OwnerStep):
    path = provisioned / name
    if path.is_dir():
        if make is folder:
            pytest.skip("this one is a folder")
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    make(path)
    done = owner_step(etc, f"connect_to_cloud {provisioned}")
    assert done.returncode == 1
    assert name in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in etc.iterdir()) == ["public-keys"]


def test_connect_takes_no_folder_that_is_a_link(provisioned, etc, tmp_path, owner_step: OwnerStep):
    (tmp_path / "link").symlink_to(provisioned)
    done = owner_step(etc, f"connect_to_cloud {tmp_path / 'link'}")
    assert (done.returncode, (etc / "sync").exists()) == (1, False)
    assert "is a link" in done.stderr


def test_what_connect_writes_is_for_the_sync_service_alone(provisioned, etc, owner_step: OwnerStep):
    done = owner_step(etc, f"connect_to_cloud {provisioned}")
    assert done.returncode == 0, done.stderr
    modes = {
        str(path.relative_to(etc)): stat.S_IMODE(path.stat().st_mode)
        for path in sorted((etc / "sync").rglob("*"))
    }
    assert modes == {
        "sync/private.pem.key": 0o400,
        "sync/public-keys": 0o700,
        f"sync/public-keys/{'a' * 16}.pub.pem": 0o400,
        "sync/sync.toml": 0o400,
    }
    assert stat.S_IMODE((etc / "sync").stat().st_mode) == 0o700


def trusted(etc: Path) -> set[str]:
    return {path.name[0] for path in (etc / "public-keys").glob("*.pub.pem")}


def test_keys_of_an_earlier_connection_are_trusted_no_more(
    provisioned, etc, tmp_path, owner_step: OwnerStep
):
    owner_step(etc, f"connect_to_cloud {provisioned}")
    assert trusted(etc) == {"a"}
    (etc / "public-keys" / ("o" * 16 + ".pub.pem")).write_text("the owner's own")
    owner_step(etc, f"connect_to_cloud {device(tmp_path / 'next', 'b' * 16)}")
    assert trusted(etc) == {"b", "o"}


def test_keys_of_a_connection_made_by_the_first_version_go_too(
    provisioned, etc, tmp_path, owner_step: OwnerStep
):
    shutil.copytree(device(tmp_path / "first", "f" * 16), etc / "sync")
    (etc / "public-keys").mkdir()
    (etc / "public-keys" / ("f" * 16 + ".pub.pem")).write_text("key")
    owner_step(etc, f"connect_to_cloud {provisioned}")
    assert trusted(etc) == {"a"}


def test_a_release_key_that_the_owner_removed_stays_removed(etc, tmp_path, owner_step: OwnerStep):
    release = device(tmp_path / "release", "r" * 16) / "public-keys"
    owner_step(etc, f"trust_keys release {release}")
    assert trusted(etc) == {"r"}
    (etc / "public-keys" / ("r" * 16 + ".pub.pem")).unlink()
    (release / ("s" * 16 + ".pub.pem")).write_text("a newer release's")
    owner_step(etc, f"trust_keys release {release}")
    assert trusted(etc) == {"s"}


def test_a_release_key_removed_before_there_were_lists_stays_removed(
    etc, tmp_path, owner_step: OwnerStep
):
    current = device(tmp_path / "current/share/greenlight", "r" * 16).parents[1]
    release = device(tmp_path / "release", "r" * 16) / "public-keys"
    owner_step(etc, f"CURRENT={current}; trust_keys release {release}")
    assert trusted(etc) == set()
