"""The shell around the state machine, with mock pins and a search that the test lets go."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from data.films import Combination
from data.picks import Prediction
from data.wire import VerificationRequest, decode
from edge.appliance import searching, status
from edge.appliance.attention import Attention
from edge.appliance.machine import Event, Order, Phase
from edge.appliance.main_loop import main_loop
from edge.appliance.picker import find_pick
from edge.appliance.reserve import Reserve
from edge.appliance.shell import Appliance, Parts
from edge.appliance.watching import Watching
from edge.appliance.workers import Worker
from edge.appliance.writing import DiskFull, Writer
from edge.config import Config
from edge.journal import JOURNAL, Journal, JournalError, JournalFull
from edge.models.activation import UpdateState
from edge.models.store import ModelStore
from edge.panel.hardware import Hardware
from edge.panel.lights import Lights
from edge.panel.press import Press, Pressed, Released
from edge.search.answer import Answer
from edge.search.model import Model
from edge.search.slate import Slate


class House:
    """An appliance with everything real but the pins and, where asked for, the search."""

    def __init__(self, folder: Path, **config: object) -> None:
        self.config = Config(state=folder, demonstration=True, **config)
        self.hardware = Hardware(self.config, lambda *_: None, simulate=True)
        self.journal = Journal.open(folder / JOURNAL)
        self.searcher = Worker("search", 1800.0)
        self.store = ModelStore(folder)
        self.said: list[str] = []
        self.lights = Lights(self.hardware.light)
        self.writer = Writer(self.store, Reserve(folder), Attention(self._attend))
        parts = Parts(
            self.config, self.journal, self.store, self.lights, self.searcher, self.writer, "boot"
        )
        self.appliance = Appliance(parts, self.said.append)

    def _attend(self, wanted: bool) -> None:
        self.appliance.feed(Event.ATTENTION_RAISED if wanted else Event.ATTENTION_CLEARED)

    async def close(self) -> None:
        await self.lights.close()
        self.searcher.close()
        self.journal.close()
        self.hardware.close()


def in_house(folder: Path, small_bundle, visit: Callable, **config: object) -> None:
    """Let `visit` be with an appliance that has the small model."""

    async def stay() -> None:
        house = House(folder, **config)
        try:
            house.appliance.adopt(small_bundle, Model.load(small_bundle))
            await house.appliance.warming
            await visit(house)
        finally:
            await house.close()

    asyncio.run(stay())


def test_a_search_longer_than_a_second_keeps_led_and_button_alive(
    tmp_path, small_bundle, monkeypatch
):
    let_go = threading.Event()

    def slow(*arguments, **values):
        let_go.wait(30)
        return find_pick(*arguments, **values)

    async def visit(house: House) -> None:
        monkeypatch.setattr(searching, "find_pick", slow)
        appliance, pin = house.appliance, house.hardware.led_pin
        appliance.slate = Slate()
        appliance.feed(Event.PICK_ASKED)
        assert appliance.state.phase is Phase.SEARCHING
        await asyncio.sleep(0)
        pin.clear_states()
        while len(pin.states) < 12:  # three pulses and more: the LED goes on
            await asyncio.sleep(0.01)
        appliance.take_button(Pressed())
        assert pin.state == pytest.approx(0.2)
        outcome = appliance.take_button(Released(Press.SHORT, 0.2))
        assert outcome.refusal == "a search is running"
        outcome = appliance.take_button(Released(Press.SYNC, 6.0))
        assert outcome.orders == (Order.SYNCHRONISE,)
        let_go.set()
        assert await appliance.search is None
        assert appliance.state.phase is Phase.DECIDING

    in_house(tmp_path, small_bundle, visit)


def test_a_search_that_fails_leaves_the_appliance_ready_and_says_why(
    tmp_path, small_bundle, monkeypatch
):
    def broken(*_, **__):
        raise RuntimeError("no luck")

    monkeypatch.setattr(searching, "find_pick", broken)

    async def visit(house: House) -> None:
        house.appliance.feed(Event.PICK_ASKED)
        assert await house.appliance.search == "the search failed: no luck"
        assert house.appliance.state.phase is Phase.READY
        assert "no luck" in house.appliance.attention.sentences[0]

    in_house(tmp_path, small_bundle, visit)


def test_a_journal_that_fails_before_the_search_leaves_the_appliance_ready(
    tmp_path, small_bundle, monkeypatch
):
    def broken():
        raise JournalError("the card is gone")

    async def visit(house: House) -> None:
        monkeypatch.setattr(house.journal, "approved_combinations", broken)
        house.appliance.feed(Event.PICK_ASKED)
        assert await house.appliance.search == "the card is gone"
        assert house.appliance.state.phase is Phase.READY

    in_house(tmp_path, small_bundle, visit)


def test_an_approved_film_is_never_offered_again(tmp_path, small_bundle):
    """Two of three directors' combinations are made already: only what is left is drawn."""
    model = Model.load(small_bundle)
    values = {"made_at": "now", "boot_id": "boot"}
    first = find_pick(model, None, set(), seed=7, **values)
    again = find_pick(model, None, set(), seed=7, **values)
    assert again.pick.combination == first.pick.combination
    other = find_pick(model, None, {first.pick.combination}, seed=7, **values)
    drawn = {candidate.combination for candidate in other.answer.slate.candidates}
    assert first.pick.combination not in drawn

    async def visit(house: House) -> None:
        made: list[set[Combination]] = []

        def noting(model, slate, made_already, **values):
            made.append(set(made_already))
            return find_pick(model, slate, made_already, **values)

        searching.find_pick, kept = noting, searching.find_pick
        try:
            for _ in range(3):
                house.appliance.feed(Event.PICK_ASKED)
                await house.appliance.search
                house.appliance.feed(Event.APPROVAL_GIVEN)
        finally:
            searching.find_pick = kept
        assert [len(known) for known in made] == [0, 1, 2]
        assert house.journal.approved_combinations() > made[-1]

    in_house(tmp_path, small_bundle, visit)


def test_an_approval_that_cannot_be_written_is_refused_and_the_pick_still_waits(
    tmp_path, small_bundle, monkeypatch
):
    async def visit(house: House) -> None:
        house.appliance.feed(Event.PICK_ASKED)
        await house.appliance.search

        def broken(*_):
            raise JournalError("the card is gone")

        monkeypatch.setattr(house.journal, "record_decision", broken)
        outcome = house.appliance.feed(Event.APPROVAL_GIVEN)
        assert outcome.refusal == "the card is gone"
        assert house.appliance.state.phase is Phase.DECIDING
        assert house.appliance.attention.sentences == ["the card is gone"]

    in_house(tmp_path, small_bundle, visit)


def test_synchronising_has_the_newest_picks_of_this_model_verified(
    tmp_path, small_bundle, make_pick
):
    async def visit(house: House) -> None:
        house.journal.record_pick(make_pick(title="Of an older model"))
        picks = []
        for _ in range(2):
            house.appliance.feed(Event.PICK_ASKED)
            await house.appliance.search
            picks.append(house.appliance.pick)
        for request in house.journal.pending_requests():
            house.journal.finish_request(request.seq, None)
        assert house.appliance.feed(Event.SYNC_ASKED).refusal is None
        verify, sync = house.journal.pending_requests()
        asked = decode(verify.payload, VerificationRequest)
        assert asked.rows == tuple(pick.combination for pick in reversed(picks))
        assert verify.scores == tuple(pick.prediction.expected for pick in reversed(picks))
        assert (verify.kind, sync.kind) == ("verify", "sync")

    in_house(tmp_path, small_bundle, visit)


def test_the_longest_press_stops_and_asks_for_power_off_and_a_signal_does_not(
    tmp_path, small_bundle
):
    async def visit(house: House) -> None:
        house.appliance.feed(Event.STOP_ASKED)
        assert house.appliance.stop_asked.is_set()
        assert not house.appliance.powers_off
        house.appliance.take_button(Released(Press.SHUT_DOWN, 12.0))
        assert house.appliance.powers_off

    in_house(tmp_path, small_bundle, visit)


class Sync:
    """The sync service's side of the journal."""

    def __init__(self, house: House) -> None:
        self.journal = Journal.open(house.config.state / JOURNAL)
        self.watching = Watching(house.appliance, house.config.state, Worker("update", 60.0))

    def tell(self, key: str, value: object) -> None:
        self.journal.set_sync_state(key, value)
        assert self.watching.look()


def test_being_offline_for_long_is_shown_and_passes(tmp_path, small_bundle):
    async def visit(house: House) -> None:
        sync = Sync(house)
        sync.tell("connection", {"state": "offline"})
        assert not house.appliance.state.offline
        while not house.appliance.state.offline:
            await asyncio.sleep(0.05)
            sync.watching.look()
        assert house.lights.shown.value == "four blinks"
        sync.tell("connection", {"state": "online"})
        assert house.lights.shown.value == "solid"
        sync.journal.close()

    in_house(tmp_path, small_bundle, visit, offline_seconds=0.2)


def test_a_verification_that_differs_wants_attention_though_the_next_agrees(tmp_path, small_bundle):
    async def visit(house: House) -> None:
        sync = Sync(house)
        for _ in range(3):
            house.appliance.feed(Event.PICK_ASKED)
            await house.appliance.search
        house.appliance.feed(Event.APPROVAL_GIVEN)
        ours = small_bundle.model_hash
        of_another = {"outcome": "differed", "model_hash": "00" * 32, "worst_difference": 3.0}
        differed = {"outcome": "differed", "model_hash": ours, "worst_difference": 0.5}
        agreed = {"outcome": "agreed", "model_hash": ours}
        first, second, third = sync.journal.pending_requests("verify")
        sync.journal.finish_request(first.seq, of_another)
        sync.watching.look()
        assert house.appliance.attention.sentences == []
        sync.journal.finish_request(second.seq, differed)
        sync.journal.finish_request(third.seq, agreed)
        sync.watching.look()
        assert "by 0.5 stars" in house.appliance.attention.sentences[0]
        assert house.lights.shown.value == "1 Hz"
        house.appliance.attention.clear()
        sync.tell("connection", {"state": "online"})
        assert house.appliance.attention.sentences == []
        sync.journal.close()

    in_house(tmp_path, small_bundle, visit)


def test_a_journal_that_fails_is_a_fault_until_it_works_again(tmp_path, small_bundle, monkeypatch):
    async def visit(house: House) -> None:
        watching = Watching(house.appliance, tmp_path, Worker("update", 60.0))
        looks = iter([JournalError("disk I/O error"), JournalError("disk I/O error"), None])
        told = asyncio.Event()

        def look() -> bool:
            if (error := next(looks, None)) is not None:
                raise error
            told.set()
            return False

        monkeypatch.setattr(watching, "look", look)
        loop = asyncio.create_task(main_loop(house.appliance, watching, []))
        while house.appliance.state.phase is not Phase.FAULTY:
            await asyncio.sleep(0.01)
        assert house.lights.shown.value == "fast even blinking"
        assert "disk I/O error" in house.appliance.feed(Event.PICK_ASKED).refusal
        await told.wait()
        await asyncio.sleep(0)
        assert house.appliance.state.phase is Phase.READY
        house.appliance.feed(Event.STOP_ASKED)
        await loop

    in_house(tmp_path, small_bundle, visit)


def test_a_model_in_its_trial_shows_signs_of_life(tmp_path, small_bundle, rebundle, keys_folder):
    signs: list[int] = []

    class Observed(Worker):
        def show_life(self) -> None:
            signs.append(1)
            super().show_life()

    async def visit(house: House) -> None:
        watching = Watching(house.appliance, tmp_path, Observed("update", 60.0))
        watching.offer_first_bundle()
        await watching.close()
        assert house.appliance.bundle.manifest.version == 2
        assert len(signs) > len(UpdateState), "more than one a step: the trial itself shows some"

    rebundle(tmp_path / "second", version=2)
    in_house(
        tmp_path, small_bundle, visit, first_bundle=tmp_path / "second", public_keys=keys_folder
    )


def test_the_watchdog_is_fed_only_while_every_worker_is_fresh(tmp_path, small_bundle, monkeypatch):
    notes: list[str] = []
    monkeypatch.setattr("data.notify.tell_systemd", notes.append)
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    let_go = threading.Event()

    async def visit(house: House) -> None:
        watching = Watching(house.appliance, tmp_path, Worker("update", 60.0))
        stuck = Worker("stuck", 0.3)
        looks = asyncio.Event()
        real_look, count = watching.look, 0

        def look() -> bool:
            nonlocal count
            count += 1
            looks.set()
            return real_look()

        async def rounds(number: int) -> None:
            until = count + number
            while count < until:
                looks.clear()
                await looks.wait()

        monkeypatch.setattr(watching, "look", look)
        loop = asyncio.create_task(main_loop(house.appliance, watching, [stuck]))
        await rounds(3)
        assert notes
        assert set(notes) == {"WATCHDOG=1"}
        job = asyncio.create_task(stuck.run(let_go.wait))
        while stuck.is_fresh():
            await asyncio.sleep(0.01)
        notes.clear()
        await rounds(3)
        assert notes == []
        let_go.set()
        await job
        await rounds(3)
        assert set(notes) == {"WATCHDOG=1"}
        house.appliance.feed(Event.STOP_ASKED)
        await loop
        stuck.close()

    in_house(tmp_path, small_bundle, visit)


def test_a_full_disk_gives_up_old_models_before_the_reserve_and_the_reserve_for_ratings_only(
    tmp_path,
):
    raised: list[bool] = []
    store, reserve = ModelStore(tmp_path), Reserve(tmp_path)
    assert reserve.restore()
    writer = Writer(store, reserve, Attention(raised.append))
    store.folder(1).mkdir()

    def fails(times: int) -> Callable[[], str]:
        left = iter([True] * times)

        def write() -> str:
            if next(left, False):
                raise JournalFull("full")
            return "written"

        return write

    assert writer.write(fails(1)) == "written"
    assert (store.kept(), reserve.is_whole(), raised) == ([], True, [True])
    store.folder(1).mkdir()
    with pytest.raises(JournalFull):
        writer.write(fails(3))
    assert reserve.is_whole()
    store.folder(1).mkdir()
    assert writer.write(fails(2), is_rating=True) == "written"
    assert not reserve.is_whole()
    writer.refuse_when_full()
    assert reserve.is_whole()
    assert raised == [True, False]


def test_a_pick_is_refused_while_the_reserve_is_in_danger(tmp_path, monkeypatch):
    writer = Writer(ModelStore(tmp_path), Reserve(tmp_path), Attention(lambda _: None))
    monkeypatch.setattr("edge.appliance.reserve._free", lambda path: 1000)
    with pytest.raises(DiskFull, match="ratings are still taken"):
        writer.refuse_when_full()


@pytest.mark.parametrize("slate", [None, Slate()])
def test_a_share_of_the_picks_is_explored_and_marked(tmp_path, small_bundle, slate):
    """All, where the share is one: but for those that turn out to be the best all the same."""

    async def visit(house: House) -> None:
        model = Model.load(small_bundle)
        house.appliance.slate = slate
        for _ in range(12):
            house.appliance.feed(Event.PICK_ASKED)
            assert await house.appliance.search is None
            pick = house.appliance.pick
            answer = msgspec.json.decode(house.journal.slate_of(pick.id), type=Answer)
            assert pick.explored == answer.explored
            assert pick.explored == (answer.runner_up.expected > pick.prediction.expected)
            assert model.predict([pick.combination]) == [pick.prediction]
        marked = [entry.pick.explored for entry in house.journal.history()]
        assert any(marked)
        assert status.running(house.appliance, 0)["pick"]["explored"] == marked[0]

    in_house(tmp_path, small_bundle, visit, explore=1.0)


def test_nothing_is_explored_where_the_owner_says_so(tmp_path, small_bundle):
    async def visit(house: House) -> None:
        for _ in range(12):
            house.appliance.feed(Event.PICK_ASKED)
            assert await house.appliance.search is None
            answer = msgspec.json.decode(
                house.journal.slate_of(house.appliance.pick.id), type=Answer
            )
            assert answer.picks[0].drawn is None
        assert not any(entry.pick.explored for entry in house.journal.history())

    in_house(tmp_path, small_bundle, visit, explore=0.0)


def test_the_prediction_of_a_pick_is_the_models_own(tmp_path, small_bundle):
    model = Model.load(small_bundle)
    found = find_pick(model, None, set(), seed=1, made_at="now", boot_id="boot")
    assert isinstance(found.pick.prediction, Prediction)
    assert model.predict([found.pick.combination]) == [found.pick.prediction]
