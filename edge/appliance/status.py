"""The appliance's status as plain values: for the command line, the page and the sync service."""

from __future__ import annotations

import asyncio
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edge.appliance.attention import Warned, kept_warnings
from edge.appliance.boot import now
from edge.appliance.machine import pattern
from edge.appliance.silence import with_last_sign
from edge.appliance.state_folder import check_is_state_folder, is_locked
from edge.freshness import days_without_news
from edge.journal import JOURNAL, Journal
from edge.models.active_domain import active_domain
from edge.models.store import ModelStore, Pointer, StoreDamaged
from edge.panel.led import MEANING

if TYPE_CHECKING:
    from edge.appliance.appliance import Appliance


async def running(appliance: Appliance) -> dict[str, Any]:
    """Return the status of the running appliance."""
    # In a thread: the card may be slow, and button and light must not wait for it.
    pointer, damage = await asyncio.to_thread(read_pointer, appliance.store)
    shown = pattern(appliance.state)
    manifest = appliance.bundle.manifest if appliance.bundle is not None else None
    damage = [sentence for sentence in damage if sentence not in appliance.attention.sentences]
    return {
        "running": True,
        "phase": appliance.state.phase.value,
        "pattern": shown.value,
        "meaning": MEANING[shown],
        "message": appliance.message,
        "fault": appliance.fault,
        "attention": [*appliance.attention.sentences, *damage],
        "warnings": _warnings(appliance.attention.warnings, damage),
        "offline": appliance.state.offline,
        "thing": appliance.config.thing,
        "demonstration": appliance.config.demonstration,
        "uptime_seconds": round(time.monotonic() - appliance.started, 3),
        "model": manifest
        and {
            "name": manifest.name,
            "version": manifest.version,
            "hash": manifest.model_hash,
            "days_without_news": days_without_news(manifest.created_at, datetime.now(UTC)),
        },
        "previous": pointer.previous,
        "narrowed": appliance.slate is not None,
        "domain": msgspec.to_builtins(appliance.domain),
        "journal_files": appliance.journal.identities,
        **_journal(appliance.journal),
        **_disk(appliance.config.state),
    }


def stopped(state: Path, thing: str) -> dict[str, Any]:
    """Return what is known while no appliance answers. Creates and changes nothing.

    Raises:
        NoState: this isn't the state folder of an appliance.
        JournalError: the journal can't be read.
    """
    check_is_state_folder(state)
    if (state / JOURNAL).exists():
        with Journal.open(state / JOURNAL, make=False) as journal:
            kept = _journal(journal)
    else:
        kept = _NO_JOURNAL
    pointer, damage = read_pointer(ModelStore(state, make=False))
    model = {"version": pointer.active} if pointer.active is not None else None
    return {
        "running": False,
        # An appliance locks the folder before it listens, and until it has closed everything.
        "phase": "starting or stopping" if is_locked(state) else "stopped",
        "pattern": "off",
        "attention": [*(warning.sentence for warning in kept_warnings(state)), *damage],
        "warnings": _warnings(kept_warnings(state), damage),
        "thing": thing,
        "model": model,
        "domain": msgspec.to_builtins(active_domain(state)),
        **kept,
        **_disk(state),
    }


_NO_JOURNAL: dict[str, Any] = {
    "pick": None,
    "awaiting_rating": [],
    "outbox": {"waiting": 0, "oldest": None, "quarantined": 0},
    "requests": 0,
    "sync": {},
}


def read_pointer(store: ModelStore) -> tuple[Pointer, list[str]]:
    """Return which models there are, or a warning if the record of them can't be read."""
    try:
        return store.read(), []
    except StoreDamaged as error:
        return Pointer(), [f"{error}; new models are refused until a restart has rebuilt it"]


def _warnings(kept: list[Warned], damage: list[str]) -> list[dict[str, str]]:
    found = [Warned("models", sentence, now()) for sentence in damage]
    return [msgspec.to_builtins(warning) for warning in [*kept, *found]]


def _journal(journal: Journal) -> dict[str, Any]:
    waiting, oldest = journal.outbox_depth()
    pick = journal.waiting_pick()
    awaiting = journal.awaiting_rating()
    return {
        "pick": msgspec.to_builtins(pick),
        "awaiting_rating": [
            {
                "pick_id": entry.pick.id,
                "title": entry.pick.title,
                "director": entry.pick.director,
            }
            for entry in awaiting
        ],
        "outbox": {
            "waiting": waiting,
            "oldest": oldest,
            "quarantined": len(journal.quarantined()),
        },
        "requests": len(journal.pending_requests()),
        "sync": with_last_sign(journal.sync_state()),
    }


def _disk(state: Path) -> dict[str, Any]:
    return {"disk_free_bytes": shutil.disk_usage(state).free}
