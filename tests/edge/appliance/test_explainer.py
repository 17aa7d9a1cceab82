"""Films are explained one at a time, each asker's newest, and never before a press."""

from __future__ import annotations

import asyncio
import threading

import msgspec

from data.films import Combination
from edge.appliance import client
from edge.appliance.commands import Explain, Press, RefusalKind
from edge.appliance.control_socket import serve
from edge.appliance.explainer import MOST_ASKERS
from edge.appliance.machine import Phase
from edge.search import what_if
from edge.search.explained import Explained
from edge.search.slate import Slate

from ..assembly import Assembly, assembled


def film_of(small_bundle, number=0):
    catalogue = small_bundle.catalogue()
    return Combination(catalogue.directors[number].name, 2000, (catalogue.genres[0],))


def test_the_socket_explains_any_film_and_nothing_changes(tmp_path, small_bundle):
    film = film_of(small_bundle)

    async def visit(built: Assembly) -> None:
        server = await serve(tmp_path / client.SOCKET, built.appliance)
        said = len(built.said)
        request = msgspec.to_builtins(Explain(film))
        asked = {key: value for key, value in request.items() if key != "command"}
        reply = await asyncio.to_thread(client.ask, tmp_path, "explain", **asked)
        assert reply["ok"]
        explained = msgspec.convert(reply["explained"], Explained)
        (expected,) = built.appliance.model.predict([film])
        assert (explained.film, explained.prediction) == (film, expected)
        asked = {"film": {"director": "", "year": 2000, "genres": []}}
        refused = await asyncio.to_thread(client.ask, tmp_path, "explain", **asked)
        assert (refused["ok"], refused["refusal"]) == (False, "invalid")
        assert built.appliance.state.phase is Phase.READY
        assert len(built.said) == said
        server.close()

    assembled(tmp_path, small_bundle, visit)


def test_a_newer_question_of_one_session_and_a_press_cancel_what_waits(
    tmp_path, small_bundle, monkeypatch
):
    begun, let_go, finished = threading.Event(), threading.Event(), []
    real = what_if.explain_film

    def slow(model, film, *, today, wanted):
        begun.set()
        let_go.wait(30)
        found = real(model, film, today=today, wanted=wanted)
        finished.append(film)
        return found

    monkeypatch.setattr(what_if, "explain_film", slow)
    films = [film_of(small_bundle, number) for number in range(3)]

    async def visit(built: Assembly) -> None:
        appliance = built.appliance
        first = appliance.begin(Explain(films[0]), asker="one")
        await asyncio.to_thread(begun.wait, 30)
        second = appliance.begin(Explain(films[1]), asker="one")
        other = appliance.begin(Explain(films[1]), asker="other")
        nobody = appliance.begin(Explain(films[1]))
        await asyncio.sleep(0)
        appliance.slate = Slate()  # searched on the same worker
        pressed = appliance.begin(Press())
        await asyncio.sleep(0)
        assert appliance.state.phase is Phase.SEARCHING
        third = await appliance.execute(Explain(films[2]))
        assert (third.error, third.refusal) == ("a search is running", RefusalKind.NOT_NOW)
        let_go.set()
        given_up = await first
        assert not given_up.ok
        assert given_up.error == "a newer question came first; ask again"
        for given_up in (await second, await other, await nobody):
            assert (given_up.ok, given_up.refusal) == (False, RefusalKind.NOT_NOW)
            assert given_up.error == "a press came first; ask again"
        assert (await pressed).ok
        assert finished == []
        assert (await appliance.execute(Explain(films[2]))).ok

    assembled(tmp_path, small_bundle, visit)


def test_questions_of_others_wait_for_their_turn_up_to_a_number(
    tmp_path, small_bundle, monkeypatch
):
    let_go = threading.Event()
    real = what_if.explain_film

    def slow(*asked, **options):
        let_go.wait(30)
        return real(*asked, **options)

    monkeypatch.setattr(what_if, "explain_film", slow)
    film = film_of(small_bundle)

    async def visit(built: Assembly) -> None:
        # Half of them name themselves, as sessions do, and half don't, as on the control socket.
        askers = [number if number % 2 else None for number in range(MOST_ASKERS)]
        waiting = [built.appliance.begin(Explain(film), asker=asker) for asker in askers]
        await asyncio.sleep(0)
        over = await built.appliance.execute(Explain(film), asker="one too many")
        assert (over.ok, over.refusal) == (False, RefusalKind.NOT_NOW)
        assert over.error == "many others are asking; ask again in a moment"
        newer = built.appliance.begin(Explain(film), asker=1)
        await asyncio.sleep(0)
        let_go.set()
        answered = [(await outcome).ok for outcome in waiting]
        assert answered == [asker != 1 for asker in askers]
        assert (await newer).ok
        assert (await built.appliance.execute(Explain(film), asker="one too many")).ok

    assembled(tmp_path, small_bundle, visit)


def test_without_a_model_it_says_so(tmp_path, small_bundle):
    async def visit(built: Assembly) -> None:
        built.appliance.adopt(None, None)
        outcome = await built.appliance.execute(Explain(film_of(small_bundle)))
        assert (outcome.ok, outcome.error) == (False, "there is no model yet")

    assembled(tmp_path, small_bundle, visit)
