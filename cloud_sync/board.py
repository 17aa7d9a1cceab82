"""Notices a copied card: it would send ratings in the name of the device that it was copied from.

The journal names the board it was used on last, with the certificate. A card with the same
certificate on another board is a copy, or its board was replaced: only the owner knows. Until the
owner says so, or `connect` gives the device its own certificate, nothing is sent.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from data.errors import GreenlightError
from data.exits import Exit
from edge.journal import ON_ANOTHER_BOARD, Journal

# Where a Pi's kernel says it; readable within the service's unit.
SERIAL = Path("/sys/firmware/devicetree/base/serial-number")
_RECORD = "board"


class CopiedCard(GreenlightError):
    """This card was used on another board with the same certificate; nothing has been sent."""

    exit_code = Exit.CONFIGURATION


def check_board(journal: Journal, certificate: Path, now: str) -> None:
    """Refuse to speak in another device's name; report it in the journal.

    Args:
        journal: which names the board it was used on last.
        certificate: of this device.
        now: the time, as text.

    Raises:
        CopiedCard: saying what the owner can do.
    """
    here = _here(certificate)
    known = journal.sync_state_of(_RECORD)
    if here["serial"] is None:
        return  # no Pi, so nobody can say
    known = known if isinstance(known, dict) else here
    if known != here and known.get("certificate") == here["certificate"]:
        why = "this card was used on another board before: was it copied, or the board replaced?"
        journal.set_sync_state(
            "connection", {"state": ON_ANOTHER_BOARD, "since": now, "reason": why}
        )
        raise CopiedCard(
            f"{why} A copy needs its own certificate: `sudo greenlight-setup connect FOLDER`."
            " For a replaced board: `sudo greenlight-sync new-board`. Until then nothing is sent"
        )
    journal.set_sync_state(_RECORD, here)


def accept_board(journal: Journal, certificate: Path) -> None:
    """Take this board for the device from now on: the owner has replaced it."""
    journal.set_sync_state(_RECORD, _here(certificate))


def _here(certificate: Path) -> dict[str, str | None]:
    serial = None
    with contextlib.suppress(OSError):
        serial = SERIAL.read_text("ascii", "replace").strip("\0\n ") or None
    return {"serial": serial, "certificate": hashlib.sha256(certificate.read_bytes()).hexdigest()}
