"""What counts as one address on the network, wherever something is bounded by address."""

from __future__ import annotations

import ipaddress


def address_group(address: str) -> str:
    """Return what is counted together: an IPv4 address, or one network of IPv6.

    A machine has as many IPv6 addresses of its own network as it likes.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    ip = getattr(ip, "ipv4_mapped", None) or ip
    # Every machine of a LAN shares the link-local network: there each counts for itself.
    if ip.version == 4 or ip.is_link_local:
        return str(ip)
    return str(ipaddress.ip_network((ip, 64), strict=False))
