"""The history to download, for a spreadsheet."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from edge.journal.spreadsheet import as_csv
from edge.page.context import context_of


async def history_csv(request: Request) -> Response:
    """The whole history to download."""
    text = await context_of(request).desk.ask(lambda _, journal: as_csv(journal.history()))
    return Response(
        text,
        media_type="text/csv",
        headers={"content-disposition": 'attachment; filename="greenlight-history.csv"'},
    )
