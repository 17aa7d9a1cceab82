"""The control socket: one JSON line in, one JSON line out, for users of the appliance's group.

The socket's mode keeps other users out. The peer's credentials are checked as well, so a copied or
passed-on socket opens nothing.
"""

from __future__ import annotations

import asyncio
import grp
import logging
import os
import pwd
import socket
import struct
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from data.errors import GreenlightError
from edge.appliance import status
from edge.appliance.appliance import Appliance
from edge.appliance.client import NOT_ALLOWED, short_path
from edge.appliance.commands import (
    Approve,
    Hold,
    MarkRead,
    Outcome,
    Press,
    Rate,
    RefusalKind,
    RetryModel,
)
from edge.panel.button import SHORT_PRESS_SECONDS

_GROUP_SOCKET = 0o660
# For a caller to take its answer.
_TAKE_SECONDS = 10.0
_MAX_REQUEST_BYTES = 64 * 1024
_log = logging.getLogger(__name__)


class Status(msgspec.Struct, frozen=True, tag="status", tag_field="command"):
    """Ask how the appliance is.

    Attributes:
        seen: mark the warnings as read first.
    """

    seen: bool = False


# What members of the group may ask; the other commands belong to the page and the button.
Request: TypeAlias = Status | Press | Hold | Approve | Rate | RetryModel


async def serve(path: Path, appliance: Appliance) -> asyncio.Server:
    """Listen. The caller holds the state folder's lock, so a socket already there is a dead one.

    Raises:
        OSError: the socket cannot be made.
    """
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with short_path(path) as short:
        listening.bind(short)
        os.chmod(short, _GROUP_SOCKET)  # noqa: PTH101 - a descriptor's path, not a Path

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _answer_all(reader, writer, appliance)
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            _log.info("control: a caller went away: %s", error)
        except asyncio.CancelledError:
            # The appliance is stopping with a caller connected; asyncio would log that as an error.
            _log.info("control: stopped while a caller was connected")
        finally:
            writer.close()

    return await asyncio.start_unix_server(connected, sock=listening, limit=_MAX_REQUEST_BYTES)


async def _answer_all(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, appliance: Appliance
) -> None:
    allowed = _may_ask(writer.get_extra_info("socket"))
    while line := await reader.readline():
        # Only now: a caller who is still sending would not see the reply.
        reply = await _answer(line, appliance) if allowed else NOT_ALLOWED
        writer.write(msgspec.json.encode(reply) + b"\n")
        async with asyncio.timeout(_TAKE_SECONDS):
            await writer.drain()
        if not allowed:
            return


async def _answer(line: bytes, appliance: Appliance) -> Outcome | dict[str, Any]:
    try:
        request = msgspec.json.decode(line, type=Request)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Outcome.refused(RefusalKind.INVALID, f"request: {error}")
    if isinstance(request, Status):
        if request.seen:
            await appliance.execute(MarkRead())
        try:
            return {"ok": True, **status.running(appliance)}
        except GreenlightError as error:
            return Outcome.refused(RefusalKind.FAILED, str(error))
    if isinstance(request, Press) and appliance.hardware.simulated:
        # Stands in for a finger; no program can move a real pin.
        request = Hold(SHORT_PRESS_SECONDS)
    return await appliance.execute(request)


def _may_ask(connection: Any) -> bool:
    size = struct.calcsize("3i")
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    _, uid, gid = struct.unpack("3i", credentials)
    return may_control(uid, gid, os.geteuid(), os.getegid())


def may_control(uid: int, gid: int, own_uid: int, own_gid: int) -> bool:
    """Say whether a user may control the appliance: root, ourselves, or a member of our group."""
    if uid in (0, own_uid) or gid == own_gid:
        return True
    try:
        name = pwd.getpwuid(uid).pw_name
        return name in grp.getgrgid(own_gid).gr_mem
    except KeyError:
        return False
