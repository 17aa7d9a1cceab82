"""What the pages show of the appliance's answers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from edge.page.port import ApplianceStatus, HeaderFound, ModelFound
from edge.page.queries import model_page


@pytest.mark.parametrize(("days", "news"), [(0, None), (40, "no signed news for 40 days")])
def test_the_model_page_says_for_how_long_nothing_newer_was_signed(small_bundle, days, news):
    made = (datetime.now(UTC) - timedelta(days=days, hours=1)).isoformat()
    active = msgspec.structs.replace(small_bundle.manifest, created_at=made)
    header = HeaderFound(ApplianceStatus("ready", "ready", "MovieSelector"), {}, 0, ())

    async def ask(verb, found):
        return ModelFound(header, active, None, None, report=False, events=())

    assert asyncio.run(model_page(ask))["news"] == news
