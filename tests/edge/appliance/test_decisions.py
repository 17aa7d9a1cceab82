"""A decision has the same outcome with a running appliance and without one."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from data.domain import from_toml
from data.ids import new_id
from edge.appliance.client import NotRunning
from edge.appliance.commands import Approve, Narrow, Outcome, Rate, RefusalKind, Withdraw
from edge.appliance.decisions import SLATE_FILE, execute_stopped, keep_slate
from edge.appliance.state_folder import locked
from edge.config import Config
from edge.journal import JOURNAL, Journal
from edge.models.store import ModelStore, Pointer
from edge.search.slate import Directors, Slate, Years

from ...data.test_domain import LEAN
from ..assembly import Assembly, assembled

UNKNOWN = new_id()


@pytest.fixture
def approved(tmp_path: Path, make_pick) -> str:
    """A journal with a film that was made, and the newest pick undecided."""
    with Journal.open(tmp_path / JOURNAL) as journal:
        made = make_pick(title="Made")
        journal.record_pick(made)
        journal.record_decision(made.id, "approved", "now")
        journal.record_pick(make_pick(title="Undecided"))
    return made.id


def running(folder: Path, small_bundle, command: Approve | Rate) -> Outcome:
    outcomes = []

    async def visit(built: Assembly) -> None:
        outcomes.append(await built.appliance.execute(command))

    assembled(folder, small_bundle, visit, demonstration=False)
    return outcomes[0]


@pytest.mark.usefixtures("approved")
@pytest.mark.parametrize(
    ("command", "kind", "words"),
    [
        (Approve(UNKNOWN), RefusalKind.NOT_NOW, "a newer pick is waiting now"),
        (Rate(8, UNKNOWN), RefusalKind.NOT_NOW, "there is no pick"),
        (Rate(11), RefusalKind.INVALID, "give 1 to 10 stars"),
        (Rate(None), RefusalKind.INVALID, "give 1 to 10 stars"),
        (Rate(simulated=True), RefusalKind.INVALID, "demonstration = true"),
    ],
)
def test_one_refusal_has_one_answer(tmp_path, small_bundle, command, kind, words):
    with_appliance = running(tmp_path, small_bundle, command)
    without = execute_stopped(Config(state=tmp_path), command)
    assert with_appliance == without
    assert (without.ok, without.refusal) == (False, kind)
    assert words in without.error


@pytest.mark.parametrize("is_running", [True, False])
def test_a_second_rating_is_refused_and_changes_nothing(
    tmp_path, small_bundle, approved, is_running
):
    config = Config(state=tmp_path)
    assert execute_stopped(config, Rate(8)).ok
    again = Rate(9, approved)
    outcome = (
        running(tmp_path, small_bundle, again) if is_running else execute_stopped(config, again)
    )
    how = f"`greenlight rate NUMBER --correct --pick {approved}`, or on the page"
    assert (outcome.refusal, outcome.error) == (
        RefusalKind.NOT_NOW,
        f"Made: already rated 8; correct it with {how}",
    )
    with Journal.open(tmp_path / JOURNAL) as journal:
        assert [rating.stars for rating in journal.find_pick(approved).ratings] == [8]


def test_a_rating_names_its_domain_and_what_was_given_and_is_sent_again_as_it_was(
    tmp_path, rebundle, approved
):
    config, store = Config(state=tmp_path), ModelStore(tmp_path)
    plumbers = from_toml(LEAN)
    rebundle(store.folder(2), name="plumbers", domain=plumbers)
    store.write(Pointer(active=2))
    given = execute_stopped(config, Rate(plumbers.rating_of(87))).feedback
    assert (given.domain, given.outcome, given.stars) == ("plumbers", 87, 9)
    withdrawn = execute_stopped(config, Withdraw(approved)).feedback
    assert (withdrawn.domain, withdrawn.outcome) == ("plumbers", msgspec.UNSET)
    before = outbox(tmp_path)
    # The models of another domain came later, as the owner had said.
    rebundle(store.folder(3), version=3)
    store.write(Pointer(active=3))
    again = execute_stopped(config, Rate(4, approved)).feedback
    assert (again.domain, again.outcome) == (msgspec.UNSET, msgspec.UNSET)
    assert outbox(tmp_path)[:2] == before, "byte for byte as captured"


def outbox(folder: Path) -> list[bytes]:
    with Journal.open(folder / JOURNAL) as journal:
        return [row.payload for row in journal.peek_outbox(9)]


@pytest.mark.usefixtures("approved")
def test_without_an_appliance_the_pick_that_waits_is_approved_once(tmp_path):
    config = Config(state=tmp_path)
    outcome = execute_stopped(config, Approve())
    assert (outcome.ok, outcome.pick.title) == (True, "Undecided")
    again = execute_stopped(config, Approve())
    assert (again.refusal, again.error) == (
        RefusalKind.NOT_NOW,
        "no pick is waiting for a decision",
    )


def test_without_an_appliance_a_full_disk_takes_ratings_and_nothing_else(
    tmp_path, make_pick, own_mounts
):
    state = tmp_path / "state"
    state.mkdir()
    with Journal.open(tmp_path / JOURNAL) as journal:
        for number in range(20):
            made = make_pick(title=f"Made {number}")
            journal.record_pick(made)
            journal.record_decision(made.id, "approved", "now")
        journal.record_pick(make_pick(title="Undecided"))
    script = Path(__file__).with_name("stopped_on_a_full_disk.py")
    done = subprocess.run(
        [*own_mounts, sys.executable, script, state, tmp_path / JOURNAL, "20"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "approved": False,
        "kept for ratings": True,
        "rated": [True] * 20,
    }


@pytest.mark.usefixtures("approved")
def test_nothing_is_decided_while_another_process_holds_the_lock(tmp_path):
    with locked(tmp_path), pytest.raises(NotRunning, match="starting or stopping"):
        execute_stopped(Config(state=tmp_path), Rate(8))


@pytest.mark.parametrize(
    ("slate", "said"),
    [
        (Slate(directors=Directors(names=("Nobody At All",))), "know the director"),
        (Slate(years=Years(first=2000, last=1990)), "comes after the last"),
    ],
)
def test_a_slate_that_leaves_nothing_is_refused_without_the_codes_words(
    tmp_path, small_bundle, slate, said
):
    keep_slate(tmp_path, None)

    async def visit(built: Assembly) -> None:
        outcome = await built.appliance.execute(Narrow(slate))
        assert (outcome.refusal, outcome.field) == (RefusalKind.INVALID, None)
        assert said in outcome.error
        assert built.appliance.slate is None

    assembled(tmp_path, small_bundle, visit)
    assert not (tmp_path / SLATE_FILE).exists()


def test_a_slate_that_cannot_be_kept_does_not_hold(tmp_path, small_bundle, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    async def visit(built: Assembly) -> None:
        monkeypatch.setattr("edge.appliance.decisions.replace_durably", full)
        outcome = await built.appliance.execute(Narrow(Slate()))
        assert (outcome.refusal, built.appliance.slate) == (RefusalKind.FAILED, None)
        assert "No space left" in outcome.error
        await asyncio.sleep(0)

    assembled(tmp_path, small_bundle, visit)
