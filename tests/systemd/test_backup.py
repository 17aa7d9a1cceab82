"""One file holds everything a device knows, and puts it onto another card."""

from __future__ import annotations

import io
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.messages import Feedback
from edge.journal import JOURNAL, open_or_set_aside
from tests.edge.journal.records import a_pick, feedback_on

from .test_root import SYSTEMD, carry_out, needs_root

PASSPHRASE = "correct horse"
pytestmark = needs_root


class Card:
    """A card with Greenlight on it, where user `daemon` stands for user greenlight."""

    def __init__(self, folder: Path) -> None:
        self.state, self.config = folder / "state", folder / "etc"
        (self.config / "public-keys").mkdir(parents=True)
        (folder / "current").mkdir()
        (folder / "current/complete").touch()
        self.state.mkdir()
        self.own()

    def own(self) -> None:
        """Give the state folder to its service."""
        subprocess.run(["chown", "-R", "daemon:daemon", self.state], check=True)
        self.state.chmod(0o2770)

    def rate(self, title: str) -> Feedback:
        """Rate a film, as the appliance does."""
        feedback = feedback_on(a_pick(title=title))
        journal, _ = open_or_set_aside(self.state / JOURNAL)
        with journal:
            journal.record_rating(feedback)
        self.own()
        return feedback

    def waiting(self) -> set[str]:
        """What the appliance's next start has to send."""
        journal, _ = open_or_set_aside(self.state / JOURNAL)
        with journal:
            return {row.id for row in journal.peek_outbox(99)}

    def do(self, step: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Carry out a step of the installer here."""
        folder = self.state.parent
        return carry_out(
            f"CONFIG={self.config} CURRENT={folder}/current\n"
            f"GREENLIGHT_RESTORING={folder}/restoring\n"
            f"is_running() {{ false; }}; set_page_address() {{ :; }}; chown() {{ :; }}\n"
            f". {SYSTEMD}/steps/backup.sh\n{step}",
            self.state,
            **environment,
        )


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the service's user may enter; pytest's own is closed from above."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def cards(place: Path) -> tuple[Card, Card]:
    """A card with something on it, and a fresh one."""
    old, new = Card(place / "old"), Card(place / "new")
    (old.state / "versions/1").mkdir(parents=True, mode=0o750)
    (old.state / "versions/1/model.onnx").write_bytes(b"model")
    (old.state / "models.json").write_text("{}")
    (old.state / "pin").write_text("12345678")
    (old.state / "pin").chmod(0o600)
    (old.state / "planted").symlink_to("/etc/shadow")
    (old.config / "greenlight.toml").write_text('thing = "Kitchen"\n')
    (old.config / "public-keys/own.pub.pem").write_text("key")
    (old.config / "sync").mkdir()
    (old.config / "sync/private.pem.key").write_text("a secret of this device")
    (old.config / "sync/private.pem.key").chmod(0o400)
    return old, new


def test_a_new_card_continues_where_the_old_one_was(cards, place: Path):
    old, new = cards
    rated, meanwhile = old.rate("Before"), new.rate("On the new card already")
    file = place / "backup"
    done = old.do(f"backup_to {file} plain")
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(path.name for path in place.iterdir()) == ["backup", "new", "old"]
    done = new.do(f"restore_from {file}")
    assert done.returncode == 0, done.stderr
    assert "greenlight-setup connect" in done.stdout
    for name, mode in (("pin", 0o600), (JOURNAL, 0o660), ("versions/1", 0o750)):
        found = (new.state / name).stat()
        assert (new.state / name).owner() == "daemon"
        assert stat.S_IMODE(found.st_mode) & 0o777 == mode
    assert (new.state / "versions/1/model.onnx").read_bytes() == b"model"
    assert not (new.state / "planted").is_symlink()
    assert (new.config / "greenlight.toml").read_text() == 'thing = "Kitchen"\n'
    assert (new.config / "public-keys/own.pub.pem").exists()
    assert not (new.config / "sync").exists()
    assert new.waiting() == {rated.id, meanwhile.id}
    assert not (place / "new/restoring").exists()


def test_certificates_are_in_it_only_if_asked_and_then_encrypted(cards, place: Path):
    old, new = cards
    rated = old.rate("Before")
    file = place / "backup"
    done = old.do(f"backup_to {file} certificates", GREENLIGHT_PASSPHRASE=PASSPHRASE)
    assert done.returncode == 0, done.stderr
    assert file.read_bytes().startswith(b"Salted__")
    before = sorted(new.state.iterdir())
    done = new.do(f"restore_from {file}", GREENLIGHT_PASSPHRASE="another")
    assert (done.returncode, "nothing was changed" in done.stderr) == (1, True)
    assert sorted(new.state.iterdir()) == before
    done = new.do(f"restore_from {file}", GREENLIGHT_PASSPHRASE=PASSPHRASE)
    assert done.returncode == 0, done.stderr
    key = new.config / "sync/private.pem.key"
    assert (key.read_text(), stat.S_IMODE(key.stat().st_mode)) == ("a secret of this device", 0o400)
    assert new.waiting() == {rated.id}


def test_a_damaged_backup_changes_nothing(cards, place: Path):
    old, new = cards
    old.rate("Before")
    kept = new.rate("Kept")
    file = place / "backup"
    assert old.do(f"backup_to {file} plain").returncode == 0
    whole = file.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"no backup", whole[:-200] + b"\0" * 200):
        file.write_bytes(damaged)
        done = new.do(f"restore_from {file}")
        assert (done.returncode, "nothing was changed" in done.stderr) == (1, True)
        assert new.waiting() == {kept.id}
    assert old.do(f"backup_to {file} plain").returncode == 1, "no file is overwritten"


def test_a_backup_whose_content_was_changed_changes_nothing(cards, place: Path):
    old, new = cards
    old.rate("Before")
    kept = new.rate("Kept")
    file, parts = place / "backup", place / "parts"
    assert old.do(f"backup_to {file} plain").returncode == 0
    parts.mkdir()
    subprocess.run(["tar", "-xzf", file, "-C", parts], check=True)
    with (parts / "state.tar").open("ab") as state:
        state.write(b"\0" * 10240)
    subprocess.run(
        ["tar", "-czf", file, "-C", parts, *(one.name for one in parts.iterdir())], check=True
    )
    done = new.do(f"restore_from {file}")
    assert (done.returncode, "is damaged; nothing was changed" in done.stderr) == (1, True)
    assert new.waiting() == {kept.id}


@pytest.mark.parametrize("name", ["../outside", "/outside", "link"])
def test_a_tar_that_leads_elsewhere_is_refused(cards, place: Path, name: str):
    _, new = cards
    kept = new.rate("Kept")
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        member = tarfile.TarInfo(name)
        if name == "link":
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/shadow"
        archive.addfile(member)
    script = (SYSTEMD / "state_copy.py").read_text()
    done = subprocess.run(
        [sys.executable, "-I", "-c", script, "restore", str(new.state)],
        input=content.getvalue(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert b"no backup does" in done.stderr
    assert not list(place.glob("**/outside"))
    assert new.waiting() == {kept.id}
