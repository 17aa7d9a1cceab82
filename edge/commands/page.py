"""`greenlight page`: the page's own process; systemd or `greenlight run` starts it."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from edge.commands.options import ConfigOption, configured
from edge.log_limit import limit_logs


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("page", hidden=True)(page)


def page(
    listen: Annotated[
        int, typer.Option("--listen", help="The descriptor of a listening socket.", min=3)
    ],
    appliance: Annotated[
        Path,
        typer.Option(
            "--appliance",
            help="Where the appliance answers the page.",
            envvar="GREENLIGHT_PAGE_SOCKET",
        ),
    ],
    with_parent: Annotated[
        bool, typer.Option("--with-parent", help="End when standard input does.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Serve the page on a socket that is open already. systemd or `greenlight run` starts this."""
    from edge.page.rendering import PageSettings
    from edge.page.server import run

    logging.basicConfig(
        level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    limit_logs()
    found = configured(config, None)
    settings = PageSettings(found.page_names, found.page_certificate, found.page_key)
    run(listen, appliance, settings, with_parent=with_parent)
