"""The control socket: one JSON line in, one JSON line out, for users of the appliance's group.

The socket's mode keeps others out; the peer's credentials are checked besides, so that a copied
or passed-on socket opens nothing.
"""

from __future__ import annotations

import asyncio
import grp
import logging
import os
import pwd
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from edge.appliance.client import NOT_ALLOWED, short_path

_GROUP_SOCKET = 0o660
_MAX_REQUEST_BYTES = 64 * 1024
_log = logging.getLogger(__name__)


class Status(msgspec.Struct, frozen=True, tag="status", tag_field="command"):
    """How are you?"""

    seen: bool = False


class PressButton(msgspec.Struct, frozen=True, tag="press", tag_field="command"):
    """Do what a short press does, and wait for the pick."""


class Hold(msgspec.Struct, frozen=True, tag="hold", tag_field="command"):
    """Hold the simulated button."""

    seconds: float


class Approve(msgspec.Struct, frozen=True, tag="approve", tag_field="command"):
    """Approve the pick that waits."""

    pick_id: str | None = None


class Rate(msgspec.Struct, frozen=True, tag="rate", tag_field="command"):
    """Rate an approved film."""

    stars: float | None = None
    pick_id: str | None = None
    simulated: bool = False


Request: TypeAlias = Status | PressButton | Hold | Approve | Rate
Reply: TypeAlias = Mapping[str, Any]
Answerer: TypeAlias = Callable[[Request], Awaitable[Reply]]


async def serve(path: Path, answer: Answerer) -> asyncio.Server:
    """Listen; the caller holds the state folder's lock, so that a socket left there is dead.

    Raises:
        OSError: the socket cannot be made.
    """
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with short_path(path) as short:
        listening.bind(short)
        os.chmod(short, _GROUP_SOCKET)  # noqa: PTH101 - the short form is no Path of ours

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _answer_all(reader, writer, answer)
        except (ConnectionError, asyncio.IncompleteReadError, ValueError) as error:
            _log.info("control: a caller went away: %s", error)
        except asyncio.CancelledError:
            # The appliance stops while a caller listens; asyncio would log that as an error.
            _log.info("control: a caller was left behind")
        finally:
            writer.close()

    return await asyncio.start_unix_server(connected, sock=listening, limit=_MAX_REQUEST_BYTES)


async def _answer_all(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answerer
) -> None:
    allowed = _may_ask(writer.get_extra_info("socket"))
    while line := await reader.readline():
        if not allowed:
            # Only now: a caller who is still speaking would not hear it.
            await _reply(writer, NOT_ALLOWED)
            return
        try:
            request = msgspec.json.decode(line, type=Request)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            await _reply(writer, {"ok": False, "error": f"request: {error}"})
            continue
        await _reply(writer, await answer(request))


async def _reply(writer: asyncio.StreamWriter, reply: Reply) -> None:
    writer.write(msgspec.json.encode(reply) + b"\n")
    await writer.drain()


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
