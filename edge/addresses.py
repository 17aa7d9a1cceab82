"""What counts as one network address, for limits per address."""

from __future__ import annotations

import ipaddress


def address_group(address: str) -> str:
    """Return what counts as one address: an IPv4 address, or an IPv6 network.

    A machine can have any number of IPv6 addresses within its network.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    ip = getattr(ip, "ipv4_mapped", None) or ip
    # All machines on a LAN share the link-local network, so there each address counts separately.
    if ip.version == 4 or ip.is_link_local:
        return str(ip)
    return str(ipaddress.ip_network((ip, 64), strict=False))
