"""The active model's report: a file that was signed elsewhere, shown without being trusted here.

It is read anew each time and checked against the model's manifest. Browsers show it in a sandbox:
no script, no form, nothing from anywhere, and of inline style only what the file itself holds.
"""

from __future__ import annotations

import base64
import hashlib
import re

from starlette.requests import Request
from starlette.responses import Response

from data.errors import GreenlightError
from edge.page.context import context_of

_STYLE = re.compile(rb"<style[^>]*>(.*?)</style>", re.DOTALL)


class NoReport(GreenlightError):
    """There is none to show; the message says why, for the owner."""


def policy(report: bytes) -> str:
    """Return the content security policy of a report, which names its style sheets by hash."""
    sheets = [hashlib.sha256(sheet).digest() for sheet in _STYLE.findall(report)]
    hashes = " ".join(f"'sha256-{base64.b64encode(sheet).decode()}'" for sheet in sheets)
    allowed = hashes or "'none'"
    return (
        f"default-src 'none'; style-src {allowed}; img-src data:; sandbox; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


async def report(request: Request) -> Response:
    """The report of the model that answers."""
    found = await context_of(request).desk.ask(lambda house, _: house.report())
    if found is None:
        raise NoReport("The model that answers came without one.")
    return Response(
        found,
        media_type="text/html",
        headers={
            "content-security-policy": policy(found),
            "content-disposition": 'inline; filename="report.html"',
        },
    )
