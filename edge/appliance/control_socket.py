"""The control socket: one JSON line in, one JSON line out, for users of the appliance's group.

The socket's mode keeps other users out. The peer's credentials are checked as well, so a copied
socket, or one passed to another process, gives no access.
"""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from data import wire
from data.errors import GreenlightError
from edge.appliance import status
from edge.appliance.appliance import Appliance
from edge.appliance.client import BUSY, NOT_ALLOWED
from edge.appliance.commands import (
    Approve,
    Explain,
    Hold,
    MarkRead,
    Outcome,
    Press,
    Rate,
    RefusalKind,
    RetryModel,
    Withdraw,
)
from edge.appliance.line_server import LineLimits, LineServer, listen_at
from edge.panel.button import SHORT_PRESS_SECONDS

_GROUP_SOCKET = 0o660
LIMITS = LineLimits(
    connections=48, per_user=16, request_bytes=64 * 1024, idle_seconds=60.0, per_second=50.0
)


class Status(msgspec.Struct, frozen=True, tag="status", tag_field="command"):
    """Ask for the appliance's status.

    Attributes:
        seen: mark the warnings as read first.
    """

    seen: bool = False


# What members of the group may do; the other commands are for the page and the button only.
Request: TypeAlias = Status | Press | Hold | Approve | Rate | Withdraw | Explain | RetryModel


async def serve(path: Path, appliance: Appliance) -> LineServer:
    """Listen. The caller holds the state folder's lock, so any socket already there is stale.

    Raises:
        OSError: the socket can't be created.
    """

    async def answer(line: bytes) -> bytes:
        return msgspec.json.encode(await _answer(line, appliance))

    server = LineServer(
        "control",
        answer,
        lambda peer: may_control(peer.uid, peer.gid, os.geteuid(), os.getegid()),
        msgspec.json.encode(NOT_ALLOWED),
        msgspec.json.encode(BUSY),
        LIMITS,
    )
    await server.start(listen_at(path, _GROUP_SOCKET))
    return server


async def _answer(line: bytes, appliance: Appliance) -> Outcome | dict[str, Any]:
    try:
        request = msgspec.json.decode(line, type=Request)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Outcome.refused(RefusalKind.INVALID, str(wire.refusal(error, "the request")))
    if isinstance(request, Status):
        if request.seen:
            await appliance.execute(MarkRead())
        try:
            return {"ok": True, **await status.running(appliance)}
        except GreenlightError as error:
            return Outcome.refused(RefusalKind.FAILED, str(error))
    if isinstance(request, Press) and appliance.hardware.simulated:
        # In place of a finger; no program can move a real pin.
        request = Hold(SHORT_PRESS_SECONDS)
    return await appliance.execute(request)


def may_control(uid: int, gid: int, own_uid: int, own_gid: int) -> bool:
    """Return whether a user may control the appliance: root, our own, or a member of our group."""
    if uid in (0, own_uid) or gid == own_gid:
        return True
    try:
        name = pwd.getpwuid(uid).pw_name
        return name in grp.getgrgid(own_gid).gr_mem
    except KeyError:
        return False
