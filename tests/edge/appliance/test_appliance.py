"""The shell around the state machine, with mock pins and a search that the test releases."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import msgspec
import pytest

from data.films import Combination
from data.messages import VerificationRequest
from data.picks import Pick, Prediction
from data.wire import decode
from edge.appliance import client, pick_finder
from edge.appliance.commands import Approve, Hold, Press, RefusalKind, ShutDown, Synchronise
from edge.appliance.control_socket import serve
from edge.appliance.machine import Event, Phase
from edge.appliance.pick_finder import find_pick
from edge.appliance.run import finish_searches
from edge.journal import JournalError
from edge.panel.button import ButtonPressed, ButtonReleased, ButtonStuck, Gesture
from edge.panel.led import Pattern
from edge.search.model import Model
from edge.search.slate import Slate

from ..assembly import Assembly, assembled

NEXT = Slate(sample="next")


def test_a_search_longer_than_a_second_keeps_led_and_button_alive(
    tmp_path, small_bundle, monkeypatch
):
    let_go = threading.Event()

    def slow(*arguments, **values):
        let_go.wait(30)
        return find_pick(*arguments, **values)

    async def visit(built: Assembly) -> None:
        monkeypatch.setattr(pick_finder, "find_pick", slow)
        appliance, pin = built.appliance, built.hardware.led_pin
        appliance.slate = Slate()
        pressed = appliance.begin(Press())
        await asyncio.sleep(0)
        assert appliance.state.phase is Phase.SEARCHING
        await asyncio.sleep(0)
        pin.clear_states()
        while len(pin.states) < 12:  # three pulses and more: the LED goes on
            await asyncio.sleep(0.01)
        appliance.take_button(ButtonPressed())
        assert pin.state == pytest.approx(0.2)
        outcome = await appliance.take_button(ButtonReleased(Gesture.SHORT, 0.2))
        assert (outcome.ok, outcome.error) == (False, "a search is running")
        assert (await appliance.take_button(ButtonReleased(Gesture.SYNC, 6.0))).ok
        assert [one.kind for one in built.journal.pending_requests()] == ["sync"]
        let_go.set()
        assert (await pressed).ok
        assert appliance.state.phase is Phase.DECIDING

    assembled(tmp_path, small_bundle, visit)


def test_a_search_goes_on_although_its_command_is_cancelled(tmp_path, small_bundle, monkeypatch):
    begun, let_go = threading.Event(), threading.Event()

    def slow(*arguments, **values):
        begun.set()
        let_go.wait(30)
        return find_pick(*arguments, **values)

    monkeypatch.setattr(pick_finder, "find_pick", slow)

    async def visit(built: Assembly) -> None:
        pressed = asyncio.create_task(built.appliance.execute(Press()))
        await asyncio.to_thread(begun.wait, 30)
        pressed.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pressed
        let_go.set()
        await asyncio.wait([built.appliance.search], timeout=30)
        assert not built.appliance.search.cancelled()
        assert built.appliance.state.phase is Phase.DECIDING

    assembled(tmp_path, small_bundle, visit)


def test_a_search_that_fails_leaves_the_appliance_ready_and_says_why(
    tmp_path, small_bundle, monkeypatch
):
    def broken(*_, **__):
        raise RuntimeError("no luck")

    monkeypatch.setattr(pick_finder, "find_pick", broken)

    async def visit(built: Assembly) -> None:
        outcome = await built.press()
        assert (outcome.ok, outcome.error) == (False, "the search failed: no luck")
        assert built.appliance.state.phase is Phase.READY
        assert "no luck" in built.appliance.attention.sentences[0]

    assembled(tmp_path, small_bundle, visit)


def test_a_search_that_fails_leaves_the_pick_before_it_to_be_approved(
    tmp_path, small_bundle, monkeypatch
):
    def broken(*_, **__):
        raise RuntimeError("no luck")

    async def visit(built: Assembly) -> None:
        await built.press()
        before = built.appliance.pick
        monkeypatch.setattr(pick_finder, "find_pick", broken)
        assert not (await built.press()).ok
        assert (built.appliance.state.phase, built.appliance.pick) == (Phase.DECIDING, before)
        assert (await built.appliance.execute(Approve())).pick == before

    assembled(tmp_path, small_bundle, visit)


def test_a_journal_that_fails_before_the_search_leaves_the_appliance_ready(
    tmp_path, small_bundle, monkeypatch
):
    def broken():
        raise JournalError("the card is gone")

    async def visit(built: Assembly) -> None:
        monkeypatch.setattr(built.journal, "approved_combinations", broken)
        assert (await built.press()).error == "the card is gone"
        assert built.appliance.state.phase is Phase.READY

    assembled(tmp_path, small_bundle, visit)


def test_films_already_made_are_not_drawn(small_bundle):
    model = Model.load(small_bundle)
    values = {"seed": 7, "made_at": "now", "boot_id": "boot"}
    first = find_pick(model, NEXT, set(), **values)
    assert find_pick(model, NEXT, set(), **values).pick.combination == first.pick.combination
    other = find_pick(model, NEXT, {first.pick.combination}, **values)
    drawn = {option.combination for option in other.answer.slate.options}
    assert first.pick.combination not in drawn


def test_every_search_leaves_out_what_was_approved(tmp_path, small_bundle, monkeypatch):
    made: list[set[Combination]] = []

    def noting(model, slate, made_already, **values):
        made.append(set(made_already))
        return find_pick(model, slate, made_already, **values)

    async def visit(built: Assembly) -> None:
        monkeypatch.setattr(pick_finder, "find_pick", noting)
        for _ in range(3):
            await built.press()
            await built.appliance.execute(Approve())
        assert [len(known) for known in made] == [0, 1, 2]
        assert built.journal.approved_combinations() > made[-1]

    assembled(tmp_path, small_bundle, visit)


def test_an_approval_that_cannot_be_written_is_refused_and_the_pick_still_waits(
    tmp_path, small_bundle, monkeypatch
):
    async def visit(built: Assembly) -> None:
        await built.press()

        phases = []
        built.appliance.observers.add(lambda: phases.append(built.appliance.state.phase))

        def broken(*_):
            raise JournalError("the card is gone")

        monkeypatch.setattr(built.journal, "record_decision", broken)
        outcome = await built.appliance.execute(Approve())
        assert (outcome.refusal, outcome.error) == (RefusalKind.FAILED, "the card is gone")
        assert built.appliance.state.phase is Phase.DECIDING
        assert built.appliance.attention.sentences == ["the card is gone"]
        assert set(phases) == {Phase.DECIDING}, "it was never said to be decided"

    assembled(tmp_path, small_bundle, visit)


def test_synchronising_has_the_newest_picks_of_this_model_verified(
    tmp_path, small_bundle, make_pick
):
    async def visit(built: Assembly) -> None:
        built.journal.record_pick(make_pick(title="Of an older model"))
        picks = []
        for _ in range(2):
            await built.press()
            picks.append(built.appliance.pick)
        for request in built.journal.pending_requests():
            built.journal.finish_request(request.seq, None)
        assert (await built.appliance.execute(Synchronise())).ok
        verify, sync = built.journal.pending_requests()
        asked = decode(verify.payload, VerificationRequest)
        assert asked.rows == tuple(pick.combination for pick in reversed(picks))
        assert verify.scores == tuple(pick.prediction.expected for pick in reversed(picks))
        assert (verify.kind, sync.kind) == ("verify", "sync")

    assembled(tmp_path, small_bundle, visit)


def test_the_longest_press_stops_and_asks_for_power_off_and_a_signal_does_not(
    tmp_path, small_bundle
):
    async def visit(built: Assembly) -> None:
        await built.appliance.execute(ShutDown())
        assert built.appliance.stop_asked.is_set()
        assert not built.appliance.powers_off
        await built.appliance.take_button(ButtonReleased(Gesture.SHUT_DOWN, 12.0))
        assert built.appliance.powers_off

    assembled(tmp_path, small_bundle, visit)


async def asked(path, command: str, **values):
    return await asyncio.to_thread(client.ask, path.parent, command, **values)


def test_on_real_pins_a_program_asks_for_a_pick_and_a_finger_holds(
    tmp_path, small_bundle, monkeypatch
):
    import gpiozero
    from gpiozero.pins.mock import MockFactory, MockPWMPin

    monkeypatch.setattr(gpiozero.Device, "pin_factory", MockFactory(pin_class=MockPWMPin))

    async def visit(built: Assembly) -> None:
        assert not built.hardware.simulated
        path = tmp_path / "control.sock"
        with contextlib.closing(await serve(path, built.appliance)):
            reply = await asked(path, "press")
            assert reply["ok"]
            assert msgspec.convert(reply["pick"], Pick) == built.journal.waiting_pick()
            assert built.lights.shown is Pattern.TWO_BLINKS
            assert (await asked(path, "approve"))["ok"]
            refused = await asked(path, "hold", seconds=2.5)
            assert refused["error"] == "this appliance has a real button: hold that"
            built.appliance.feed(Event.MODEL_MISSING)
            refused = await asked(path, "press")
            assert refused["error"] == "there is no model yet"
            assert refused["refusal"] == "not now"

    assembled(tmp_path, small_bundle, visit, simulate=False)


def test_the_prediction_of_a_pick_is_the_models_own(small_bundle):
    model = Model.load(small_bundle)
    found = find_pick(model, NEXT, set(), seed=1, made_at="now", boot_id="boot")
    assert isinstance(found.pick.prediction, Prediction)
    assert model.predict([found.pick.combination]) == [found.pick.prediction]


def test_a_stuck_button_hides_no_warning(tmp_path, small_bundle):
    async def visit(built: Assembly) -> None:
        built.appliance.take_button(ButtonPressed())
        assert built.lights.shown.value.startswith("held")
        built.appliance.take_button(ButtonStuck())
        assert built.lights.shown.value == "1 Hz"
        assert "button_normally_closed" in built.appliance.attention.sentences[0]
        built.appliance.take_button(ButtonReleased(Gesture.NOTHING, 70.0))
        assert built.appliance.attention.sentences == []
        assert built.lights.shown.value == "solid"

    assembled(tmp_path, small_bundle, visit)


def test_a_simulated_button_that_is_down_cannot_be_held(tmp_path, small_bundle):
    async def visit(built: Assembly) -> None:
        built.hardware.press()
        outcome = await built.appliance.execute(Hold(0.12))
        assert outcome.error == "the simulated button is down already"
        assert built.hardware.button_is_down

    assembled(tmp_path, small_bundle, visit)


def test_noise_on_a_real_button_does_not_flood_picks(tmp_path, small_bundle):
    async def visit(built: Assembly) -> None:
        built.hardware.simulated = False
        begun = [built.appliance.take_button(ButtonReleased(Gesture.SHORT, 0.1)) for _ in range(49)]
        assert sum(task is not None for task in begun) == 10
        assert "presses in 10 s were ignored" in built.appliance.attention.sentences[0]
        await asyncio.gather(*(task for task in begun if task is not None))

    assembled(tmp_path, small_bundle, visit)


def test_a_stop_waits_for_the_search_that_warms_up(tmp_path, small_bundle):
    async def visit(built: Assembly) -> None:
        searched = asyncio.Event()

        async def wait(event: asyncio.Event) -> None:
            await event.wait()

        built.appliance.warming = asyncio.create_task(wait(searched))
        ending = asyncio.create_task(finish_searches(built.appliance))
        await asyncio.sleep(0)
        assert not ending.done()
        searched.set()
        await ending
        assert built.appliance.warming.done()

    assembled(tmp_path, small_bundle, visit)
