"""The folder for downloads until the appliance has tried them: `incoming/<folder>`.

The sync service writes below `incoming/` and offers a folder by name through the journal. The
appliance copies from it and never trusts it.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from data.durable import sync_folder

INCOMING = "incoming"
# Group-writable and setgid: two users of one group share it, whichever creates it first.
_SHARED_FOLDER = 0o2770


def incoming_folder(state: Path) -> Path:
    """Return the folder for downloads, made if it is missing."""
    folder = state / INCOMING
    try:
        folder.mkdir(parents=True)
        share(folder)
    except FileExistsError:
        pass
    return folder


def share(folder: Path) -> None:
    """Let the group write to a new folder, and own what is created in it."""
    # A hardened service may not set these bits; its folders inherit them from the parent.
    with contextlib.suppress(PermissionError):
        folder.chmod(_SHARED_FOLDER)


def incoming_path(state: Path, name: str) -> Path:
    """Return the path of one download by its name.

    Raises:
        ValueError: the name is empty, hidden, or no plain name (a slash, a drive, `..`).
    """
    if not name or name.startswith(".") or Path(name).name != name or "\0" in name:
        raise ValueError(f"incoming folder {name[:80]!r}: isn't a plain name")
    return state / INCOMING / name


def hand_over(partial: Path, state: Path, name: str) -> Path:
    """Rename a finished download to its final name, durably; then it can be offered.

    An earlier download of the same name is replaced. Each file must be synced to disk before this
    is called; the folders are synced here.

    Returns:
        The download's new path.
    """
    final = incoming_path(state, name)
    sync_folder(partial)
    if final.exists():
        shutil.rmtree(final)
    partial.rename(final)
    sync_folder(final.parent)
    return final
