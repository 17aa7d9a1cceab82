"""The appliance as its page's process reaches it: over a socket, with a session."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from data.films import Combination
from edge.appliance import Approve, Explain, Outcome, Press, Rate, RefusalKind, pick_finder
from edge.appliance.page_process import page_socket
from edge.appliance.page_verbs import PageVerbs
from edge.appliance.pick_finder import find_pick
from edge.appliance.sign_in import read_or_make_pin
from edge.page import client
from edge.page.client import ApplianceClient
from edge.page.port import (
    AwaitNews,
    CheckSession,
    Done,
    Execute,
    ExportHistory,
    FindDirectors,
    HeaderFound,
    News,
    PageAnswer,
    PageVerb,
    PickFound,
    Problem,
    ReadReport,
    SessionFound,
    ShowHeader,
    ShowHistory,
    ShowModel,
    ShowPick,
    ShowSlate,
    SignedOut,
    SignIn,
    SignInFound,
    SignOut,
)
from edge.search.slate import Slate

from ..assembly import Assembly, assembled

NEED_A_SESSION: tuple[PageVerb, ...] = (
    *(SignOut(), ShowPick(), ShowSlate(), ShowHistory(5), ExportHistory(), ShowModel()),
    *(ReadReport(), ShowHeader(), FindDirectors("a"), Execute(Press())),
    Execute(Explain(Combination("A", 2000, ("B",)))),
)


@dataclass
class Reached:
    """An appliance, its socket for the page, and a client of it with a session."""

    built: Assembly
    path: Path
    client: ApplianceClient
    cookie: str

    async def execute(self, command: Press | Approve | Rate) -> Outcome:
        return await self.client.ask(Execute(command), Outcome, self.cookie)

    async def send(self, line: bytes) -> PageAnswer:
        reader, writer = await asyncio.open_unix_connection(self.path)
        writer.write(line + b"\n")
        answer = await asyncio.wait_for(reader.readline(), 30)
        writer.close()
        return msgspec.json.decode(answer, type=PageAnswer)


def reached(folder: Path, small_bundle, visit: Callable[[Reached], Awaitable[None]]) -> None:
    async def stay(built: Assembly) -> None:
        verbs = PageVerbs(built.appliance, folder)
        try:
            async with page_socket(verbs) as path:
                asking = ApplianceClient(path)
                pin = SignIn(read_or_make_pin(folder).digits, "127.0.0.1")
                cookie = (await asking.ask(pin, SignInFound)).cookie
                await visit(Reached(built, path, asking, cookie))
                asking.close()
        finally:
            verbs.close()

    assembled(folder, small_bundle, stay)


def slow_search(monkeypatch) -> threading.Event:
    let_go = threading.Event()

    def slow(*arguments, **values):
        let_go.wait(30)
        return find_pick(*arguments, **values)

    monkeypatch.setattr(pick_finder, "find_pick", slow)
    return let_go


def test_every_verb_but_those_of_the_sign_in_needs_a_session(tmp_path, small_bundle):
    async def visit(to: Reached) -> None:
        for verb in NEED_A_SESSION:
            for cookie in ("", "x", to.cookie[:-1], to.cookie + "0", "x" * 5000):
                with pytest.raises(Exception, match="sign in first") as refused:
                    await to.client.ask(verb, Done, cookie)
                assert type(refused.value) is SignedOut
        assert to.built.journal.history() == []
        assert await to.client.ask(CheckSession(), SessionFound, "x") == SessionFound(None)

    reached(tmp_path, small_bundle, visit)


def test_a_session_that_was_ended_is_over_on_the_appliance(tmp_path, small_bundle):
    async def visit(to: Reached) -> None:
        assert (await to.client.ask(CheckSession(), SessionFound, to.cookie)).session is not None
        await to.client.ask(SignOut(), Done, to.cookie)
        with pytest.raises(SignedOut):
            await to.client.ask(ShowPick(), PickFound, to.cookie)

    reached(tmp_path, small_bundle, visit)


@pytest.mark.parametrize(
    "verb",
    [
        *(b"", b"null", b"[]", b"{}", b"\xff", b'{"verb": {"ask": "pin"}}', b'{"verb": 3}'),
        b'{"verb": {"ask": "execute", "command": {"command": "hold", "seconds": 1}}}',
        b'{"verb": {"ask": "execute", "command": {"command": "retry-model"}}}',
        b'{"verb": {"ask": "execute", "command": {"command": "shut-down", "power_off": true}}}',
        b'{"verb": {"ask": "history", "most": "all"}}',
        b"[" * 10_000,
    ],
)
def test_an_unknown_verb_is_refused(tmp_path, small_bundle, verb: bytes):
    async def visit(to: Reached) -> None:
        assert (await to.send(verb)).problem == "invalid"

    reached(tmp_path, small_bundle, visit)


def test_a_press_that_does_not_wait_returns_while_the_search_runs(
    tmp_path, small_bundle, monkeypatch
):
    async def visit(to: Reached) -> None:
        let_go = slow_search(monkeypatch)
        to.built.appliance.slate = Slate()
        assert (await to.execute(Press(wait=False))).ok
        found = await to.client.ask(ShowHeader(), HeaderFound, to.cookie)
        assert found.status.searching
        busy = await to.execute(Press(wait=False))
        assert (busy.refusal, busy.error) == (RefusalKind.NOT_NOW, "a search is running")
        let_go.set()
        assert (await to.built.appliance.search).ok

    reached(tmp_path, small_bundle, visit)


def test_a_caller_who_gives_up_does_not_end_the_search(tmp_path, small_bundle, monkeypatch):
    async def visit(to: Reached) -> None:
        let_go = slow_search(monkeypatch)
        to.built.appliance.slate = Slate()
        monkeypatch.setattr(client, "PATIENCE_SECONDS", 0.2)
        with pytest.raises(Problem, match="look again"):
            await to.execute(Press())
        assert not to.built.appliance.search.done()
        let_go.set()
        assert (await to.built.appliance.search).ok
        assert to.built.journal.waiting_pick() == to.built.appliance.pick

    reached(tmp_path, small_bundle, visit)


def test_what_a_caller_gave_up_before_it_began_is_never_done(tmp_path, small_bundle):
    """The owner saw a message to look again and that nothing was done, and may have asked again."""

    async def visit(to: Reached) -> None:
        await to.built.press()
        await to.built.appliance.execute(Approve())
        request = f'{{"verb": {{"ask": "execute", "command": {{"command": "rate", "stars": 8}}}}, \
"cookie": "{to.cookie}"}}\n'
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
            # The request's sender leaves before the appliance's loop, which is this one, runs.
            caller.connect(str(to.path))
            caller.sendall(request.encode())
        await asyncio.sleep(0.3)
        assert to.built.journal.outbox_depth()[0] == 0

    reached(tmp_path, small_bundle, visit)


def test_news_come_with_a_change_and_not_before(tmp_path, small_bundle, monkeypatch):
    async def visit(to: Reached) -> None:
        seen = await to.client.ask(AwaitNews(), News)
        waiting = asyncio.create_task(to.client.ask(AwaitNews(seen.number), News))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        to.built.appliance.say("something")
        assert (await asyncio.wait_for(waiting, 10)).number > seen.number
        monkeypatch.setattr("edge.appliance.page_verbs.NEWS_SECONDS", 0.05)
        seen = await to.client.ask(AwaitNews(), News)
        assert await to.client.ask(AwaitNews(seen.number), News) == seen

    reached(tmp_path, small_bundle, visit)


def test_without_an_appliance_it_is_said_so(tmp_path):
    async def ask() -> None:
        with pytest.raises(Problem, match="isn't running") as found:
            await ApplianceClient(tmp_path / "nowhere.sock").ask(ShowPick(), PickFound)
        assert found.value.kind == "unreachable"

    asyncio.run(ask())


def test_a_client_goes_on_after_the_appliance_has_restarted(tmp_path, small_bundle, monkeypatch):
    monkeypatch.setenv("GREENLIGHT_PAGE_SOCKET", str(tmp_path / "page.sock"))
    monkeypatch.setenv("GREENLIGHT_PAGE_USER", "root")
    monkeypatch.setattr(
        "edge.appliance.page_process._page_user", lambda: __import__("os").geteuid()
    )
    kept = ApplianceClient(tmp_path / "page.sock")

    async def stay(built: Assembly) -> None:
        for _ in range(2):
            verbs = PageVerbs(built.appliance, tmp_path)
            async with page_socket(verbs):
                for _ in range(3):
                    assert (await kept.ask(CheckSession(), SessionFound)).session is None
            verbs.close()
            await asyncio.sleep(0.05)
            with pytest.raises(Problem):
                await kept.ask(CheckSession(), SessionFound)

    assembled(tmp_path, small_bundle, stay)
