"""Ids, made where the event happens, so that resends are recognised."""

from __future__ import annotations

import uuid6


def new_id() -> str:
    """Return a new UUIDv7."""
    return str(uuid6.uuid7())
