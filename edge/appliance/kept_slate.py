"""The slate that the owner narrowed, kept through restarts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from data.durable import aside_name, replace_durably, sync_folder
from data.errors import GreenlightError

if TYPE_CHECKING:
    from edge.search.slate import Slate

SLATE_FILE = "slate.json"


class SlateDamaged(GreenlightError):
    """The kept slate cannot be read; it was set aside."""


def keep_slate(state: Path, slate: Slate | None) -> None:
    """Write the slate down durably; None removes it.

    Raises:
        OSError: it cannot be written; the old one stands.
    """
    path = state / SLATE_FILE
    if slate is None:
        path.unlink(missing_ok=True)
        sync_folder(state)
    else:
        replace_durably(path, msgspec.json.encode(slate))


def kept_slate(state: Path) -> Slate | None:
    """Return the slate that was kept, or None.

    Raises:
        SlateDamaged: it was set aside, and the classic slate is drawn.
    """
    path = state / SLATE_FILE
    try:
        kept = path.read_bytes()
    except FileNotFoundError:
        return None
    # The search loads numpy: not for an owner who has narrowed nothing.
    from edge.search.slate import Slate

    try:
        return msgspec.json.decode(kept, type=Slate)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        aside = aside_name(path)
        path.rename(aside)
        raise SlateDamaged(
            f"the narrowed slate was damaged and lies in {aside.name}; narrow it anew"
        ) from error
