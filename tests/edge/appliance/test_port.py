"""The appliance as other threads reach it: every call ends, and says truly what was done."""

from __future__ import annotations

import asyncio
import threading
import time

from edge.appliance import pick_finder, port
from edge.appliance.commands import Approve, Press, Rate, RefusalKind
from edge.appliance.machine import Phase
from edge.appliance.pick_finder import find_pick
from edge.appliance.port import ThreadsafeAppliance
from edge.search.slate import Slate

from ..assembly import Assembly, assembled


def test_a_press_that_does_not_wait_returns_while_the_search_runs(
    tmp_path, small_bundle, monkeypatch
):
    let_go = threading.Event()

    def slow(*arguments, **values):
        let_go.wait(30)
        return find_pick(*arguments, **values)

    async def visit(built: Assembly) -> None:
        monkeypatch.setattr(pick_finder, "find_pick", slow)
        built.appliance.slate = Slate()
        reached = ThreadsafeAppliance(built.appliance, asyncio.get_running_loop())
        outcome = await asyncio.to_thread(reached.execute, Press(wait=False))
        assert outcome.ok
        assert reached.status().searching
        busy = await asyncio.to_thread(reached.execute, Press(wait=False))
        assert (busy.refusal, busy.error) == (RefusalKind.NOT_NOW, "a search is running")
        let_go.set()
        assert (await built.appliance.search).ok
        assert built.appliance.state.phase is Phase.DECIDING

    assembled(tmp_path, small_bundle, visit)


def test_a_caller_who_gives_up_does_not_end_the_search(tmp_path, small_bundle, monkeypatch):
    let_go = threading.Event()

    def slow(*arguments, **values):
        let_go.wait(30)
        return find_pick(*arguments, **values)

    async def visit(built: Assembly) -> None:
        monkeypatch.setattr(pick_finder, "find_pick", slow)
        monkeypatch.setattr(port, "_PATIENCE_SECONDS", 0.1)
        built.appliance.slate = Slate()
        reached = ThreadsafeAppliance(built.appliance, asyncio.get_running_loop())
        outcome = await asyncio.to_thread(reached.execute, Press())
        assert outcome.refusal is RefusalKind.FAILED
        assert "look again" in outcome.error
        assert not built.appliance.search.done()
        let_go.set()
        assert (await built.appliance.search).ok
        assert built.journal.waiting_pick() == built.appliance.pick

    assembled(tmp_path, small_bundle, visit)


def test_what_a_busy_appliance_did_not_begin_in_time_is_never_done(
    tmp_path, small_bundle, monkeypatch
):
    """The owner was told that nothing was done, and may have asked again."""

    async def visit(built: Assembly) -> None:
        await built.press()
        await built.appliance.execute(Approve())
        monkeypatch.setattr(port, "_PATIENCE_SECONDS", 0.1)
        reached = ThreadsafeAppliance(built.appliance, asyncio.get_running_loop())
        outcomes = []
        asker = threading.Thread(target=lambda: outcomes.append(reached.execute(Rate(8))))
        asker.start()
        deadline = time.monotonic() + 30
        while not outcomes and time.monotonic() < deadline:
            time.sleep(0.01)  # the loop stands still
        asker.join()
        assert (outcomes[0].ok, outcomes[0].refusal) == (False, RefusalKind.FAILED)
        assert "try again" in outcomes[0].error
        for _ in range(10):
            await asyncio.sleep(0.01)
        assert built.journal.outbox_depth()[0] == 0

    assembled(tmp_path, small_bundle, visit)


def test_after_the_loop_has_closed_every_command_is_refused(tmp_path, small_bundle):
    reached = []

    async def visit(built: Assembly) -> None:
        reached.append(ThreadsafeAppliance(built.appliance, asyncio.get_running_loop()))

    assembled(tmp_path, small_bundle, visit)
    assert reached[0].execute(Rate(8)).refusal is RefusalKind.FAILED
