"""The page: why this film, how the last ones did, and whether all is well. Read on the LAN.

The appliance starts it (`PageServer`, `PageSettings`) and hands it what it may ask of the appliance
(`edge.page.port`); `greenlight pin` shows or replaces the PIN (`edge.page.auth`).
"""

from edge.page.rendering import PageSettings
from edge.page.server import PageServer, PageUnavailable

__all__ = ["PageServer", "PageSettings", "PageUnavailable"]
