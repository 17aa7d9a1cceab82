"""The page does what the button does, and keeps what was entered."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from data.ids import new_id

from .running_appliance import RunningAppliance, Visitor


def press(appliance: RunningAppliance, owner: Visitor) -> str:
    """Press on the page, wait for the pick, and return its id."""
    said = len(appliance.lines)
    status, headers, _ = owner.post("/press")
    assert (status, headers["location"]) == (303, "/?done=pressed")
    appliance.wait_for(r"^pick: ", said)
    with appliance.journal() as journal:
        pick = journal.waiting_pick()
    assert pick is not None
    return pick.id


def test_pressing_approving_and_rating(appliance: RunningAppliance, owner: Visitor):
    pick_id = press(appliance, owner)
    with appliance.journal() as journal:
        title = journal.find_pick(pick_id).pick.title
    assert title in owner.get("/")[2].decode()
    assert owner.post("/approve", {"pick_id": pick_id})[0] == 303
    assert "once it's made" in owner.get("/")[2].decode()
    status, headers, _ = owner.post("/rate", {"pick_id": pick_id, "stars": "7", "rating": "7,4"})
    assert (status, headers["location"]) == (303, "/?done=rated")
    with appliance.journal() as journal:
        entry = journal.find_pick(pick_id)
        row = journal.peek_outbox(100)[-1]
    assert (entry.decision, entry.ratings[0].stars) == ("approved", 7)
    assert json.loads(row.payload)["rating"] == 7.4
    history = owner.get("/history")[2].decode()
    assert re.search(r"rated <strong>7.4</strong>", history)
    downloaded = list(csv.DictReader(io.StringIO(owner.get("/history.csv")[2].decode())))
    assert [line["stars"] for line in downloaded if line["pick_id"] == pick_id] == ["7"]


def test_a_second_rating_and_a_rating_of_nothing_are_refused_with_the_reason(
    appliance: RunningAppliance, owner: Visitor
):
    pick_id = press(appliance, owner)
    early = owner.post("/rate", {"pick_id": pick_id, "stars": "7"})
    owner.post("/approve", {"pick_id": pick_id})
    owner.post("/rate", {"pick_id": pick_id, "stars": "7"})
    before = appliance.remembered()
    late = owner.post("/rate", {"pick_id": pick_id, "stars": "9"})
    unknown = owner.post("/rate", {"pick_id": new_id(), "stars": "9"})
    for status, _, body in (early, late, unknown):
        assert status == 409
        assert b'role="alert"' in body
    assert appliance.remembered() == before


def field(page: str, action: str, name: str) -> str:
    """Return a hidden field's value of the page's first form with this action."""
    form = page[page.index(f'action="{action}"') :]
    return re.search(f'name="{name}" value="([^"]*)"', form)[1]


def test_a_rating_is_corrected_and_withdrawn_in_the_history(
    appliance: RunningAppliance, owner: Visitor
):
    pick_id = press(appliance, owner)
    owner.post("/approve", {"pick_id": pick_id})
    owner.post("/rate", {"pick_id": pick_id, "stars": "9"})
    page = owner.get("/history")[2].decode()
    seen = {"pick_id": pick_id, "rating_id": field(page, "/withdraw", "rating_id")}
    correction = {**seen, "stars": "5", "rating": "4.6", "back": "history"}
    status, headers, _ = owner.post("/rate", correction)
    assert (status, headers["location"]) == (303, "/history?done=corrected")
    page = owner.get("/history")[2].decode()
    assert re.search(r"rated <strong>4.6</strong>.*?corrected, ", page, re.DOTALL)

    before = appliance.remembered()
    stale = owner.post("/withdraw", {**seen, "confirm": "yes"})
    assert (stale[0], b"changed meanwhile" in stale[2]) == (409, True)
    now = {**seen, "rating_id": field(page, "/withdraw", "rating_id")}
    assert owner.post("/withdraw", now)[0] == 422, "it isn't confirmed"
    assert owner.post("/withdraw", {**now, "rating_id": "x", "confirm": "yes"})[0] == 422
    assert appliance.remembered() == before

    status, headers, _ = owner.post("/withdraw", {**now, "confirm": "yes"})
    assert (status, headers["location"]) == (303, "/history?done=withdrawn")
    page = owner.get("/history")[2].decode()
    assert "rating withdrawn" in page
    assert "Its rating was withdrawn" in owner.get("/")[2].decode()
    assert owner.post("/rate", {**now, "stars": "3"})[0] == 409, "a form from before it"
    assert owner.post("/rate", {"pick_id": pick_id, "stars": "6"})[0] == 303
    with appliance.journal() as journal:
        found = journal.find_pick(pick_id)
        sent = [json.loads(row.payload) for row in journal.peek_outbox(999)]
    assert ([one.stars for one in found.ratings], found.withdrawal) == ([6], None)
    assert [one["stars"] for one in sent if one["pick_id"] == pick_id] == [9, 5, None, 6]


def test_a_pick_that_was_replaced_cannot_be_approved(appliance: RunningAppliance, owner: Visitor):
    old = press(appliance, owner)
    press(appliance, owner)
    before = appliance.remembered()
    status, _, body = owner.post("/approve", {"pick_id": old})
    assert status == 409
    assert b"newer pick" in body
    assert appliance.remembered() == before


def test_approving_twice_approves_once(appliance: RunningAppliance, owner: Visitor):
    pick_id = press(appliance, owner)
    assert owner.post("/approve", {"pick_id": pick_id})[0] == 303
    assert owner.post("/approve", {"pick_id": pick_id})[0] == 409
    with appliance.journal() as journal:
        assert journal.find_pick(pick_id).decision == "approved"


def test_synchronising_asks_the_sync_service(appliance: RunningAppliance, owner: Visitor):
    with appliance.journal() as journal:
        before = len(journal.pending_requests("sync"))
    assert owner.post("/synchronise")[1]["location"] == "/sync?done=synchronise"
    with appliance.journal() as journal:
        assert len(journal.pending_requests("sync")) == before + 1


def test_a_narrowed_slate_is_what_the_next_press_draws_from(
    appliance: RunningAppliance, owner: Visitor
):
    chosen = {
        "draw": "space",
        "director": "Agnès Varda",
        "genre": "Drama",
        "kind": "film",
        "first": "1990",
        "last": "1999",
    }
    status, headers, _ = owner.post("/narrow", chosen)
    assert (status, headers["location"]) == (303, "/slate?done=narrowed#next")
    pick_id = press(appliance, owner)
    with appliance.journal() as journal:
        pick = journal.find_pick(pick_id).pick
    assert (pick.director, pick.genres) == ("Agnès Varda", ("Drama",))
    assert 1990 <= pick.year <= 1999
    page = owner.get("/slate")[2].decode()
    assert 'value="Agnès Varda" checked' in page
    assert "10 combinations" in page
    # All films of one director, best first, not only the best of each.
    assert page.count('<li class="heat-') == 10
    owner.post("/narrow", {"draw": "next", "kind": "film", "plausible": "yes"})
    assert not (appliance.state / "slate.json").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"director": "Nobody At All"}, b"know the director"),
        ({"first": "2000", "last": "1990"}, b"comes after"),
        ({"first": "1800"}, b"Give years from"),
        ({"genre": "Opera"}, b"know the genre"),
        ({"first": "x"}, b"must be a whole number"),
    ],
)
def test_a_slate_that_leaves_nothing_is_refused_and_what_was_entered_stays(
    appliance: RunningAppliance, owner: Visitor, change: dict[str, str], words: bytes
):
    before = appliance.remembered()
    fields = {"draw": "space", "kind": "film", "plausible": "yes", **change}
    status, _, body = owner.post("/narrow", fields)
    assert status == 422
    assert words in body
    for value in change.values():
        assert value.encode() in body or value == "Opera"
    assert appliance.remembered() == before


def test_finding_a_director_without_javascript_changes_nothing_and_keeps_the_form(
    appliance: RunningAppliance, owner: Visitor
):
    before = appliance.remembered()
    fields = {"draw": "space", "kind": "tv", "first": "1991", "find": "yes", "q": "varda"}
    status, _, body = owner.post("/narrow", {**fields, "director": "Bo Ōshima"})
    text = body.decode()
    assert status == 200
    assert 'value="Bo Ōshima" checked' in text
    assert re.search(r'value="Agnès Varda">', text)
    assert 'value="1991"' in text
    assert re.search(r'value="tv" checked', text)
    assert appliance.remembered() == before


def test_directors_are_found_while_typing(owner: Visitor):
    found = json.loads(owner.get("/directors?q=alm")[2])
    assert {one["name"] for one in found} >= {"Agnès Almodóvar", "Bo Almodóvar"}
    assert json.loads(owner.get("/directors?q=")[2]) == []
    assert json.loads(owner.get("/directors")[2]) == []


def test_what_the_cloud_rejected_is_shown_with_the_reason(
    appliance: RunningAppliance, owner: Visitor
):
    pick_id = press(appliance, owner)
    owner.post("/approve", {"pick_id": pick_id})
    owner.post("/rate", {"pick_id": pick_id, "stars": "5"})
    with appliance.journal() as journal:
        row = journal.peek_outbox(1000)[-1]
        journal.quarantine(row.id, "`stars` is 11")
    page = owner.get("/sync")[2].decode()
    assert "`stars` is 11" in page
    assert "1 rating rejected by the cloud" in page
    status, headers, _ = owner.post("/retry")
    assert (status, headers["location"]) == (303, "/sync?done=retried")
    with appliance.journal() as journal:
        assert journal.quarantined() == []
        assert journal.peek_outbox(1000)[-1].payload == row.payload, "in its old place, unchanged"
    assert "Rejected by the cloud" not in owner.get("/sync")[2].decode()
