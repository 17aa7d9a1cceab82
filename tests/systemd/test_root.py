"""A service or a local user can't exploit what the installer does as root."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import stat
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


SYSTEMD = ROOT / "systemd"


STEPS = sorted((SYSTEMD / "steps").glob("*.sh"))


needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="SKIPPED LOUDLY: needs root and setpriv, to stand for the installer and its services",
)


def carry_out(
    script: str, state: Path, *, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the installer's own steps as root, where user `daemon` stands for user greenlight."""
    prelude = f"""
        set -eu
        say() {{ echo "$*"; }}
        die() {{ echo "$*" >&2; exit 1; }}
        runuser() {{ shift 3; setpriv --reuid=daemon --regid=daemon --clear-groups "$@"; }}
        chown() {{ command chown $(echo "$*" | sed s/greenlight/daemon/g); }}
        install() {{ command install $(echo "$*" | sed 's/-o greenlight -g greenlight//'); }}
        HERE={SYSTEMD} STATE={state} GREENLIGHT_KEPT={state.parent / "kept"} GREENLIGHT_OFFLINE=1
        . {SYSTEMD}/steps/system.sh
        . {SYSTEMD}/steps/journal.sh
    """
    return subprocess.run(
        ["sh", "-c", prelude + script],
        env={"PATH": os.environ["PATH"], **environment},
        cwd=cwd or state.parent,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder that belongs to the service, with a journal of three ratings."""
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == 0 and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    folder = tmp_path / "state"
    folder.mkdir()
    journal(folder / "journal.db", version=3, ratings=3)
    shutil.chown(folder, "daemon", "daemon")
    folder.chmod(0o2770)
    return folder


def journal(path: Path, *, version: int, ratings: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE IF NOT EXISTS ratings (stars INTEGER)")
        connection.executemany("INSERT INTO ratings VALUES (?)", [(7,)] * ratings)
        connection.execute(f"PRAGMA user_version={version}")
        connection.commit()
    shutil.chown(path, "daemon", "daemon")


def ratings_in(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM ratings").fetchone()
        return int(count)


def secret(folder: Path) -> Path:
    path = folder / "of-root"
    path.write_text("root:x:...\n")
    path.chmod(0o600)
    return path


def is_untouched(path: Path) -> bool:
    what = path.stat()
    return (
        what.st_uid == 0
        and stat.S_IMODE(what.st_mode) == 0o600
        and path.read_text() == "root:x:...\n"
    )


@needs_root
@pytest.mark.parametrize("planted", ["before-upgrade", "before-upgrade/journal.db", "journal.db"])
def test_a_link_in_the_state_folder_gives_a_service_nothing_of_roots(state, tmp_path, planted):
    target = secret(tmp_path)
    link = state / planted
    if link.parent != state:
        link.parent.mkdir()
        shutil.chown(link.parent, "daemon", "daemon")
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    for step in ("restore_journal", "keep_journal", "restore_journal"):
        carry_out(step, state)
        assert is_untouched(target)


def test_root_touches_the_state_folder_only_to_remove_it():
    allowed = ("runuser", "rm -rf", "say ", '"$STATE" "$RELEASE/share')
    lines = [
        line.strip()
        for script in [SYSTEMD / "install.sh", *STEPS]
        for line in script.read_text().splitlines()
        if "$STATE" in line
    ]
    assert len(lines) > 3
    assert [line for line in lines if not any(word in line for word in allowed)] == []


@needs_root
def test_a_copy_taken_before_a_failed_upgrade_comes_back(state, tmp_path):
    assert carry_out("keep_journal", state).returncode == 0
    kept = tmp_path / "kept"
    assert (kept.stat().st_uid, stat.S_IMODE(kept.stat().st_mode)) == (0, 0o700)
    journal(state / "journal.db", version=99, ratings=2)
    done = carry_out("restore_journal", state)
    assert done.returncode == 0, done.stderr
    (aside,) = state.glob("journal-of-failed-upgrade-*")
    assert f"the newer journal is in {aside}" in done.stdout
    assert (ratings_in(state / "journal.db"), ratings_in(aside / "journal.db")) == (3, 5)
    assert (state / "journal.db").owner() == "daemon"
    assert stat.S_IMODE((state / "journal.db").stat().st_mode) == 0o660
    assert not kept.exists()


@needs_root
def test_a_journal_that_the_newer_software_left_alone_stays(state):
    carry_out("keep_journal", state)
    journal(state / "journal.db", version=3, ratings=2)
    assert carry_out("restore_journal", state).returncode == 0
    assert ratings_in(state / "journal.db") == 5
    assert not list(state.glob("journal-of-failed-upgrade-*"))


@needs_root
@pytest.mark.parametrize("step", ["install_packages", "has_lgpio", "keep_journal"])
def test_modules_in_the_callers_folder_are_never_run(state, tmp_path, step):
    planted = tmp_path / "planted"
    planted.mkdir()
    for module in ("venv", "sqlite3", "ensurepip", "importlib", "sys", "sitecustomize"):
        (planted / f"{module}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').close()\n")
    stubs = "has_package() { true; };"
    carry_out(f"{stubs} {step}", state, cwd=planted, PYTHONPATH=str(planted))
    assert not (tmp_path / "ran").exists()


def test_every_python_that_the_installer_runs_is_isolated():
    calls = [
        line.strip()
        for script in [SYSTEMD / "install.sh", *STEPS]
        for line in script.read_text().splitlines()
        if re.search(r"(python3|/bin/python|\$python)\b(?! --version)\S*\s+-", line)
    ]
    assert len(calls) > 8
    assert [line for line in calls if not re.search(r"(python3?\"?|\$python) -I ", line)] == []


@pytest.mark.parametrize("program", ["id", "readlink", "systemctl", "dirname"])
def test_programs_come_from_the_system_whatever_the_callers_path(tmp_path, program):
    fake = tmp_path / program
    fake.write_text(f'#!/bin/sh\n: >{tmp_path}/ran\nexec /usr/bin/{program} "$@"\n')
    fake.chmod(0o755)
    subprocess.run(
        ["/bin/sh", SYSTEMD / "install.sh", "status"],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert not (tmp_path / "ran").exists()


def link(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def folder(path: Path) -> None:
    path.mkdir()
