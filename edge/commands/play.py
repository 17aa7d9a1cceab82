"""`greenlight play`: the appliance on this machine, with nothing to set up."""

from __future__ import annotations

import contextlib
import io
import logging
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from edge.commands.bundle import CHECKOUT_BUNDLE, NoBundle
from edge.log_limit import limit_logs


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(play)


def play(
    bundle: Annotated[
        Path, typer.Option("--bundle", help="The model, as `greenlight-train export` wrote it.")
    ] = CHECKOUT_BUNDLE,
    state: Annotated[
        Path, typer.Option("--state", help="Where picks and ratings are kept.")
    ] = Path("build/play"),
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="The page's port; 0 takes a free one.")
    ] = 8080,
    lan: Annotated[
        bool,
        typer.Option("--lan", help="Open the page to the local network: a QR code for a phone."),
    ] = False,
) -> None:
    """Run an appliance here: keys press its button, the terminal draws its light.

    Picks and ratings are kept and can be resumed; delete the state folder to start afresh.
    """
    from data.signing import keys_folder
    from edge import config
    from edge.appliance.run import run
    from edge.appliance.sign_in import read_or_make_pin
    from edge.appliance.sign_in_link import make_link
    from edge.panel.terminal import Terminal

    if not (bundle / "manifest.json").is_file():
        raise NoBundle(f"there is no model in {bundle}: make one with `make train-export`")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    limit_logs()
    state.mkdir(parents=True, exist_ok=True)
    settings = config.Config(
        state=state.absolute(),
        public_keys=keys_folder(),
        first_bundle=bundle.absolute(),
        page_port=port,
        page_host="0.0.0.0" if lan else "127.0.0.1",
    )
    terminal = Terminal(sys.stdout, sys.stdin, simulates=True)
    terminal.say(f"the page's PIN is {read_or_make_pin(settings.state).digits}")
    if port:
        link = make_link(settings)
        if lan and (address := _own_address()):
            link = link.replace("//localhost:", f"//{address}:")
            terminal.say(_qr_code(link))
        elif lan:
            terminal.say("no QR code: this machine is in no local network")
        else:
            terminal.say("on a phone: `make play LAN=1` prints a QR code")
        terminal.say(f"open this once, within ten minutes: {link}")
    run(settings, simulate=True, terminal=terminal)


def _own_address() -> str:
    """Return this machine's address in the local network; empty if it's in none."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asks:
        # A datagram socket sends nothing by this: the system only chooses the way out.
        asks.connect(("192.0.2.1", 9))
        return str(asks.getsockname()[0])
    return ""


def _qr_code(text: str) -> str:
    import segno

    drawn = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(drawn, border=2, compact=True)
    return drawn.getvalue().rstrip("\n")
