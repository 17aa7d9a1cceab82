"""The status of the appliance: what a slow card must not hold up."""

from __future__ import annotations

import asyncio
import threading

from edge.appliance import status
from tests.edge.assembly import Assembly, assembled


def test_button_and_light_do_not_wait_while_a_slow_card_is_read(tmp_path, small_bundle):
    async def visit(built: Assembly) -> None:
        store = built.appliance.store
        read, asked, may_go_on = store.read, threading.Event(), threading.Event()

        def slow():
            asked.set()
            assert may_go_on.wait(20), "nothing else was done meanwhile"
            return read()

        store.read = slow
        waiting = asyncio.create_task(status.running(built.appliance))
        await asyncio.to_thread(asked.wait, 60)
        assert not waiting.done()
        may_go_on.set()
        assert (await waiting)["phase"] == "ready"

    assembled(tmp_path, small_bundle, visit)
