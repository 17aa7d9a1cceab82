"""Which requests are for this page: its cookie, its names, its origin.

These are the rules; `middleware` and `actions` apply them to requests.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from edge.page.port import WebSession

COOKIE = "greenlight"
# Of a browser that waits to be signed in by the button.
PAIRING_COOKIE = "greenlight-pairing"
# Browsers take a cookie of this name only over HTTPS, from this host and for all of it.
SECURE_COOKIE = f"__Host-{COOKIE}"


def cookie_name(*, encrypted: bool, pairing: bool = False) -> str:
    """Return the name of the session's cookie, or of the one that pairing needs."""
    if pairing:
        return f"__Host-{PAIRING_COOKIE}" if encrypted else PAIRING_COOKIE
    return SECURE_COOKIE if encrypted else COOKIE


def same_token(session: WebSession, given: str) -> bool:
    """Return whether a form carried the session's token."""
    return hmac.compare_digest(session.token.encode(), given.encode("utf-8", "surrogatepass"))


_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_DEFAULT_PORTS = {"http": 80, "https": 443}


_MDNS = ".local"
_FURTHER_DEVICES = range(2, 33)


def own_names(further: tuple[str, ...] = ()) -> frozenset[str]:
    """Return the names this machine answers to, in lower case."""
    machine = socket.gethostname().lower()
    short = machine.partition(".")[0]
    named = [machine, short, f"{short}.local", f"{short}.lan", *(name.lower() for name in further)]
    # Where the network has another of that name, mDNS calls this one greenlight-2.local.
    for name in [name for name in named if name.endswith(_MDNS)]:
        named += [f"{name.removesuffix(_MDNS)}-{number}{_MDNS}" for number in _FURTHER_DEVICES]
    return frozenset(name for name in (*_LOOPBACK, *named) if name)


def host_is_ours(
    header: str, scheme: str, server: tuple[str, int | None], names: frozenset[str]
) -> bool:
    """Return whether a Host header is one of our names or the address the request came to.

    A foreign site can point its own name at the device's address, so names are checked.

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
    """Return whether a form came from this page. Check the Host header first."""
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
