"""The events that the stack's rules make from messages."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import msgspec

THING = "packaged"


def event_of(payload: bytes | str, thing: str = THING) -> dict[str, str]:
    """Return the event that the rule makes from a message."""
    raw = payload.encode("utf-8", "surrogatepass") if isinstance(payload, str) else payload
    return {"payload": b64encode(raw).decode(), "thing": thing}


def batch_of(*records: Any) -> str:
    spoken = [one if isinstance(one, dict) else msgspec.to_builtins(one) for one in records]
    return json.dumps({"records": spoken, "schema_version": 1})
