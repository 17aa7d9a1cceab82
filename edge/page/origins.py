"""Under which names the page may be asked for, and which sites may send it forms.

A foreign site can make a browser ask anything of a device on the LAN: by a name that it points at
the device's address (so names are checked against our own), or by a form (so each form's origin
must be the page itself).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def own_names(further: tuple[str, ...] = ()) -> frozenset[str]:
    """Return the names that this machine goes by, in lower case."""
    machine = socket.gethostname().lower()
    short = machine.partition(".")[0]
    named = (machine, short, f"{short}.local", f"{short}.lan", *(name.lower() for name in further))
    return frozenset(name for name in (*_LOOPBACK, *named) if name)


def host_is_ours(
    header: str, scheme: str, server: tuple[str, int | None], names: frozenset[str]
) -> bool:
    """Say whether a Host header names us: one of our names, or the very address it came to.

    Args:
        header: the Host header.
        scheme: `http` or `https`.
        server: our end of the connection, address and port.
        names: as `own_names` returns them.
    """
    try:
        parts = urlsplit(f"//{header}")
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return False
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        return False
    if (port or _DEFAULT_PORTS[scheme]) != server[1]:
        return False
    return host in names or _address(host) == _address(server[0]) != ""


def same_origin(headers: Mapping[str, str], scheme: str) -> bool:
    """Say whether a form was sent from a page of ours. Its Host header must be checked already."""
    origin = headers.get("origin")
    if origin is not None:
        return origin.lower() == f"{scheme}://{headers.get('host', '')}".lower()
    return headers.get("sec-fetch-site") == "same-origin"


def _address(text: str) -> str:
    """Return an address in its one written form; empty if it is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
