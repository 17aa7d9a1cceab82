"""Copies the state folder for a backup, and puts a copy into the state folder of another card.

usage: state_copy.py save STATE       writes all files except the journal to standard output, as tar
       state_copy.py restore STATE    puts the tar on standard input, with its journal, in place

Run as user greenlight: a service may plant anything in the state folder, so root itself never
opens, moves or changes a file there. The journal is copied by journal_copy.py. This file is handed
to Python as text, so it imports the standard library alone.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath

JOURNAL = "journal.db"
LOG = (f"{JOURNAL}-wal", f"{JOURNAL}-shm")
# What belongs to a running appliance, and not to what it knows.
PASSING = ("appliance.lock", "control.sock", "reserve", JOURNAL, *LOG)
# What is confirmed to the owner.
CONFIRMED = ("decisions", "ratings", "outbox")


class ArchiveRefused(Exception):
    """The tar holds something that no backup holds; nothing has been changed."""


def save(state: Path) -> None:
    """Write every folder and plain file to standard output; no link is followed."""
    known = _taken_over(state)
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as archive:
        for path in _files(state):
            name = path.relative_to(state).as_posix()
            # What was read of a damaged journal is in the journal.
            if name in PASSING or any(one.startswith(f"{name}:") for one in known):
                continue
            if path.is_dir():
                archive.add(path, name, recursive=False)
                continue
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            with os.fdopen(handle, "rb") as file:
                archive.addfile(archive.gettarinfo(arcname=name, fileobj=file), file)


def _files(folder: Path) -> Iterator[Path]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield Path(entry.path)
            yield from _files(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path)


def _taken_over(state: Path) -> list[str]:
    try:
        with closing(sqlite3.connect(f"file:{state / JOURNAL}?mode=ro", uri=True)) as connection:
            return [name for (name,) in connection.execute("SELECT file FROM taken_over")]
    except sqlite3.Error:
        return []


def restore(state: Path) -> str:
    """Unpack the tar on standard input, set aside what is in the state folder, and take its place.

    Films approved and ratings given on this card so far aren't lost: its journal is left where the
    appliance's next start takes over what it holds.

    Returns:
        Where what was there is now.
    """
    fresh = Path(tempfile.mkdtemp(prefix=".restoring-", dir=state))
    try:
        _unpack(fresh)
        aside = state / f"before-restore-{time.strftime('%Y%m%d%H%M%S')}-{os.getpid()}"
        aside.mkdir(mode=0o700)
        for path in sorted(state.iterdir()):
            if path not in (fresh, aside) and path.name not in ("appliance.lock", "reserve"):
                path.rename(aside / path.name)
        for path in sorted(fresh.iterdir()):
            path.rename(state / path.name)
        _leave_for_taking_over(aside, state)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    os.sync()
    return str(aside)


def _unpack(fresh: Path) -> None:
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as archive:
        for member in archive:
            name = PurePosixPath(member.name)
            target = fresh / name
            known = member.isdir() or member.isreg()
            if not known or name.is_absolute() or ".." in name.parts:
                raise ArchiveRefused(f"the backup holds {member.name!r}, which no backup does")
            if member.isdir():
                target.mkdir()
                # Of what the two services share, files belong to the group as well.
                target.chmod(member.mode & 0o2770)
                continue
            content = archive.extractfile(member)
            assert content is not None
            with target.open("xb") as file:
                shutil.copyfileobj(content, file)
                file.flush()
                os.fsync(file.fileno())
            target.chmod(member.mode & 0o770)
    if not (fresh / JOURNAL).is_file():
        raise ArchiveRefused("the backup holds no journal")


def _leave_for_taking_over(aside: Path, state: Path) -> None:
    """Leave a journal with something confirmed under the name that the next start looks for."""
    journal = aside / JOURNAL
    if not journal.is_file():
        return
    try:
        with closing(sqlite3.connect(journal)) as connection:
            # What is in its log goes into the file itself, which then stands alone.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            counted = [connection.execute(f"SELECT count(*) FROM {one}") for one in CONFIRMED]
            holds_something = any(found.fetchone()[0] for found in counted)
    except sqlite3.DatabaseError:
        holds_something = True
    if holds_something:
        number = 1
        while (name := state / f"{JOURNAL}.replaced-{number}").exists():
            number += 1
        journal.rename(name)


if __name__ == "__main__":
    os.umask(0o007)
    verb, place = sys.argv[1:]
    if verb == "save":
        save(Path(place))
    else:
        try:
            print(restore(Path(place)))
        except (ArchiveRefused, OSError, tarfile.TarError) as refused:
            sys.exit(str(refused))
