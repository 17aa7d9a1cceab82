"""Where the page is served, and what it calls itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PageSettings:
    """How to serve.

    Attributes:
        host: the address to bind; loopback until the owner says LAN (`0.0.0.0` or `::`).
        port: 0 for any free one.
        names: further names under which browsers may ask for the page; this machine's own name
            and its addresses are known without.
        certificate, key: files in PEM for HTTPS; both or none.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    names: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None

    @property
    def encrypted(self) -> bool:
        """Whether the page is served over HTTPS."""
        return self.certificate is not None
