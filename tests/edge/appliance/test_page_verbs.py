"""The appliance as its page's process reaches it: over a socket, with a session."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from data.films import Combination
from edge.appliance import Approve, Explain, Outcome, Press, Rate, RefusalKind, pick_finder
from edge.appliance.machine import Phase
from edge.appliance.page_process import page_socket
from edge.appliance.page_verbs import PageVerbs
from edge.appliance.pick_finder import find_pick
from edge.appliance.sign_in import read_or_make_pin
from edge.page import client
from edge.page.client import ApplianceClient
from edge.page.port import (
    AskToPair,
    AwaitNews,
    CheckSession,
    Done,
    Execute,
    ExportHistory,
    FindDirectors,
    HeaderFound,
    LookAtPairing,
    News,
    PageAnswer,
    PageRequest,
    PageVerb,
    PairingFound,
    PickFound,
    PinFound,
    Problem,
    ReadReport,
    SessionFound,
    ShowHeader,
    ShowHistory,
    ShowModel,
    ShowPick,
    ShowPin,
    ShowSlate,
    SignedOut,
    SignIn,
    SignInFound,
    SignOut,
)
from edge.panel import led
from edge.panel.button import ButtonPressed, ButtonReleased, Gesture
from edge.panel.led import LedStep, Pattern
from edge.search.slate import Slate

from ..assembly import Assembly, assembled

NEED_A_SESSION: tuple[PageVerb, ...] = (
    *(SignOut(), ShowPick(), ShowSlate(), ShowHistory(5), ExportHistory(), ShowModel()),
    *(ReadReport(), ShowHeader(), FindDirectors("a"), Execute(Press()), ShowPin(new=True)),
    Execute(Explain(Combination("A", 2000, ("B",)))),
)


@dataclass
class Reached:
    """An appliance, its socket for the page, and a client of it with a session."""

    built: Assembly
    verbs: PageVerbs
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
                await visit(Reached(built, verbs, path, asking, cookie))
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
        *(b"", b"null", b"[]", b"{}", b"\xff", b'{"verb": {"ask": "key"}}', b'{"verb": 3}'),
        b'{"verb": {"ask": "execute", "command": {"command": "hold", "seconds": 1}}}',
        b'{"verb": {"ask": "execute", "command": {"command": "retry-model"}}}',
        b'{"verb": {"ask": "execute", "command": {"command": "shut-down", "power_off": true}}}',
        b'{"verb": {"ask": "execute", "command": {"command": "open-pairing"}}}',
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
        monkeypatch.setattr(client, "TIMEOUT_SECONDS", 0.2)
        with pytest.raises(Problem, match="look again"):
            await to.execute(Press())
        assert not to.built.appliance.search.done()
        let_go.set()
        assert (await to.built.appliance.search).ok
        assert to.built.journal.waiting_pick() == to.built.appliance.pick

    reached(tmp_path, small_bundle, visit)


def test_an_approval_that_has_begun_is_finished_although_its_request_ends(
    tmp_path, small_bundle, monkeypatch
):
    async def visit(to: Reached) -> None:
        await to.built.press()
        begun, let_go, decided = threading.Event(), threading.Event(), asyncio.Event()
        record = to.built.journal.record_decision

        def slow(*arguments):
            begun.set()
            let_go.wait(30)
            record(*arguments)

        monkeypatch.setattr(to.built.journal, "record_decision", slow)
        line = msgspec.json.encode(PageRequest(Execute(Approve()), to.cookie))
        request = asyncio.create_task(to.verbs.answer(line))
        await asyncio.to_thread(begun.wait, 30)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        to.built.appliance.observers.add(decided.set)
        let_go.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(decided.wait(), 10)
        assert to.built.appliance.state.phase is Phase.READY
        assert to.built.journal.waiting_pick() is None

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


class Button:
    """The owner's finger on the button of an appliance that is reached."""

    def __init__(self, to: Reached) -> None:
        self.appliance = to.built.appliance

    async def hold(self, gesture: Gesture, seconds: float) -> Outcome | None:
        self.appliance.take_button(ButtonPressed())
        begun = self.appliance.take_button(ButtonReleased(gesture, seconds))
        return await begun if begun is not None else None

    async def open_pairing(self) -> None:
        assert (await self.hold(Gesture.PAIR, 25.0)).ok

    async def press_once_compared(self) -> Outcome | None:
        async with asyncio.timeout(30):
            while not self.appliance.pairing.is_comparable:
                await asyncio.sleep(0.005)
        return await self.hold(Gesture.SHORT, 0.2)


@pytest.fixture
def quick_light(monkeypatch) -> None:
    """Blink digits in milliseconds."""
    monkeypatch.setattr(led, "digit_steps", lambda _: (LedStep(1.0, 0.01), LedStep(0.0, 0.01)))


async def ask_to_pair(to: Reached, address: str, secret: str = "") -> PairingFound:
    return await to.client.ask(AskToPair(address, secret), PairingFound)


async def look_at(to: Reached, browser: PairingFound) -> PairingFound:
    to.built.appliance.look_at_pairing()
    return await to.client.ask(LookAtPairing(browser.secret), PairingFound)


@pytest.mark.usefixtures("quick_light")
def test_a_press_signs_in_the_browser_whose_digits_the_light_shows_and_no_other(
    tmp_path, small_bundle
):
    async def visit(to: Reached) -> None:
        button = Button(to)
        assert (await ask_to_pair(to, "10.0.0.1")).status == "closed"
        await button.open_pairing()
        assert to.built.lights.shown is Pattern.PAIRING_OPEN
        owner = await ask_to_pair(to, "10.0.0.1")
        assert owner.status == "shown"
        assert (to.built.lights.shown, to.built.lights.digits) == (
            Pattern.PAIRING_DIGITS,
            owner.digits,
        )
        assert f"led: four digits {' '.join(owner.digits)}" in to.built.said
        other = await ask_to_pair(to, "10.0.0.2")
        assert other.status == "waiting"
        assert await button.press_once_compared() is None
        assert (await look_at(to, other)).status == "ended"
        paired = await look_at(to, owner)
        assert paired.status == "paired"
        assert (await to.client.ask(CheckSession(), SessionFound, paired.cookie)).session
        assert (await look_at(to, owner)).cookie is None
        assert to.built.lights.shown is Pattern.SOLID
        assert to.built.appliance.pick is None, "the press was for the browser, not for a film"
        assert (await ask_to_pair(to, "10.0.0.2")).status == "closed"

    reached(tmp_path, small_bundle, visit)


def test_a_press_before_the_light_has_shown_all_digits_is_not_meant_for_pairing(
    tmp_path, small_bundle
):
    async def visit(to: Reached) -> None:
        button = Button(to)
        await button.open_pairing()
        attacker = await ask_to_pair(to, "10.0.0.2")
        assert (await button.hold(Gesture.SHORT, 0.2)).pick is not None
        assert (await look_at(to, attacker)).cookie is None

    reached(tmp_path, small_bundle, visit)


@pytest.mark.usefixtures("quick_light")
def test_neither_another_hold_nor_a_press_on_the_page_signs_a_browser_in(tmp_path, small_bundle):
    async def visit(to: Reached) -> None:
        button, appliance = Button(to), to.built.appliance
        await button.open_pairing()
        attacker = await ask_to_pair(to, "10.0.0.2")
        while not appliance.pairing.is_comparable:
            await asyncio.sleep(0.005)
        assert (await to.execute(Press())).ok
        for gesture, seconds in ((Gesture.APPROVE, 3.0), (Gesture.SYNC, 7.0)):
            await button.hold(gesture, seconds)
        assert await button.hold(Gesture.NOTHING, 35.0) is None
        assert (await look_at(to, attacker)).cookie is None

    reached(tmp_path, small_bundle, visit)


@pytest.mark.usefixtures("quick_light")
def test_a_turn_that_ends_under_the_finger_does_not_hand_the_press_to_the_next(
    tmp_path, small_bundle
):
    async def visit(to: Reached) -> None:
        button, appliance = Button(to), to.built.appliance
        await button.open_pairing()
        owner = await ask_to_pair(to, "10.0.0.1")
        attacker = await ask_to_pair(to, "10.0.0.2")
        while not appliance.pairing.is_comparable:
            await asyncio.sleep(0.005)
        appliance.take_button(ButtonPressed())
        for _ in range(5):
            appliance.pairing.blinked()
            appliance.look_at_pairing()
        appliance.take_button(ButtonReleased(Gesture.SHORT, 0.5))
        assert (await look_at(to, owner)).status == "paired"
        assert (await look_at(to, attacker)).status == "ended"

    reached(tmp_path, small_bundle, visit)


@pytest.mark.usefixtures("quick_light")
def test_only_a_browser_that_was_just_paired_sees_the_pin_and_makes_a_new_one(
    tmp_path, small_bundle, monkeypatch
):
    async def visit(to: Reached) -> None:
        button = Button(to)
        assert (await to.client.ask(ShowPin(), PinFound, to.cookie)).pin is None
        assert (await to.client.ask(ShowPin(new=True), PinFound, to.cookie)).pin is None
        await button.open_pairing()
        browser = await ask_to_pair(to, "10.0.0.1")
        await button.press_once_compared()
        cookie = (await look_at(to, browser)).cookie
        before = read_or_make_pin(tmp_path)
        assert await to.client.ask(ShowPin(), PinFound, cookie) == PinFound(before.shown)
        made = await to.client.ask(ShowPin(new=True), PinFound, cookie)
        assert made.pin == read_or_make_pin(tmp_path).shown != before.shown
        for signed_out in (cookie, to.cookie):
            with pytest.raises(SignedOut):
                await to.client.ask(ShowPin(), PinFound, signed_out)
        assert (await to.client.ask(ShowPin(), PinFound, made.cookie)).pin == made.pin
        monkeypatch.setattr("edge.appliance.sign_in.PIN_SHOWN_SECONDS", 0.0)
        last = await to.client.ask(ShowPin(new=True), PinFound, made.cookie)
        assert last.cookie
        assert (await to.client.ask(ShowPin(), PinFound, last.cookie)).pin is None

    reached(tmp_path, small_bundle, visit)


def test_a_browser_that_reloads_keeps_its_digits_and_a_restart_ends_them(tmp_path, small_bundle):
    async def visit(to: Reached) -> None:
        await Button(to).open_pairing()
        first = await ask_to_pair(to, "10.0.0.1")
        assert (await ask_to_pair(to, "10.0.0.1", first.secret)).digits == first.digits
        # Whatever an earlier process of the appliance gave out is unknown to this one.
        again = await ask_to_pair(to, "10.0.0.3", "from-before-the-restart")
        assert again.secret not in ("", first.secret, "from-before-the-restart")
        unknown = PairingFound("waiting", secret="from-before-the-restart")
        assert (await look_at(to, unknown)).status == "ended"

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
