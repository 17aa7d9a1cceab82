"""A disk that forgets: what was recorded, replayed up to any instant.

The page cache survives a killed process, so kill -9 proves nothing about power. Here every write,
truncation, fsync, rename and unlink is a step; a crash after any step leaves what was synced, and
of the rest nothing, a torn part, zeros, or all of it.

Rules, stricter than ext4: a file's data is safe after an fsync of that file; a name (created,
renamed, removed) is safe after an fsync of its folder.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Literal

from rig.recording import Name, Recording, Rename, Step, Sync, Write

Fate = Literal["kept", "dropped", "torn", "zeroed"]
FATES: tuple[Fate, ...] = ("kept", "dropped", "torn", "zeroed")

_SECTOR_BYTES = 512
# SQLite shares memory through this file; it holds nothing that a power cut could lose.
_FORGETTABLE = "-shm"


def crash(recording: Recording, after: int, fate: Fate, rng: random.Random) -> Disk:
    """Return the disk after a power cut behind step number `after`."""
    steps = recording.steps[:after]
    synced = _synced(steps)
    unsynced = [number for number, safe in enumerate(synced) if not safe]
    # Names are journaled in order: of those not yet safe, some first ones made it.
    reached = rng.randint(0, len(unsynced)) if fate == "torn" else 0
    lucky = set(unsynced[:reached])
    disk = Disk(recording.folders)
    for number, step in enumerate(steps):
        if synced[number] or fate == "kept":
            disk.apply(step)
        elif isinstance(step, Write):
            if fate == "zeroed" and step.data is not None:
                disk.apply(Write(step.inode, step.offset, bytes(len(step.data))))
            elif fate == "zeroed" or (fate == "torn" and rng.random() < 0.5):
                disk.apply(_torn(step, rng) if fate == "torn" else step)
        elif isinstance(step, Name | Rename) and (fate == "zeroed" or number in lucky):
            disk.apply(step)
    return disk


def _synced(steps: list[Step]) -> list[bool]:
    """Return for each step whether a later fsync made it safe."""
    safe: set[int] = set()
    result = [False] * len(steps)
    for number in range(len(steps) - 1, -1, -1):
        step = steps[number]
        match step:
            case Sync():
                safe.add(step.inode)
            case Write():
                result[number] = step.inode in safe
            case Name():
                result[number] = step.folder in safe
            case Rename():
                result[number] = step.folder in safe and step.new_folder in safe
    return result


def _torn(write: Write, rng: random.Random) -> Write:
    if write.data is None:
        return write
    sectors = len(write.data) // _SECTOR_BYTES
    return Write(write.inode, write.offset, write.data[: rng.randint(0, sectors) * _SECTOR_BYTES])


class Disk:
    """What is on the disk."""

    def __init__(self, folders: set[int]) -> None:
        self._folders = folders
        self._files: dict[int, bytearray] = {}
        self._names: dict[int, dict[str, int]] = {number: {} for number in folders}

    def apply(self, step: Step) -> None:
        """Let one step happen."""
        match step:
            case Write():
                content = self._files.setdefault(step.inode, bytearray())
                end = step.offset + len(step.data or b"")
                if len(content) < end:
                    content.extend(bytes(end - len(content)))
                if step.data is None:
                    del content[step.offset :]
                else:
                    content[step.offset : end] = step.data
            case Name():
                if step.inode is None:
                    self._names[step.folder].pop(step.name, None)
                else:
                    self._names[step.folder][step.name] = step.inode
            case Rename():
                self._names[step.folder].pop(step.old, None)
                self._names[step.new_folder][step.new] = step.inode

    def write_to(self, folder: Path, inode: int = 0) -> None:
        """Lay it out as real files in an empty folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, entry in self._names[inode].items():
            if name.endswith(_FORGETTABLE):
                continue
            if entry in self._folders:
                self.write_to(folder / name, entry)
            else:
                (folder / name).write_bytes(self._files.get(entry, b""))
