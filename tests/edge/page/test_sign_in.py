"""Signing in: right and wrong PINs, and the lock-out of each address."""

from __future__ import annotations

import queue
import threading

import pytest

from edge.appliance.sign_in import FREE_GUESSES, Authenticator, replace_pin
from edge.appliance.sign_in_link import make_link
from edge.config import Config
from edge.page.port import SignInFound

from .fake_appliance import FakeAppliance, Served, served
from .running_appliance import RunningAppliance, Visitor


def test_the_right_pin_signs_in_and_signing_out_ends_the_session(
    appliance: RunningAppliance, stranger: Visitor
):
    assert stranger.sign_in(appliance.pin) == 303
    assert stranger.get("/")[0] == 200
    assert stranger.get("/sign-in")[0] == 303
    cookie = stranger.cookie
    status, headers, _ = stranger.post("/sign-out")
    assert (status, headers["location"]) == (303, "/sign-in")
    assert 'greenlight=""' in headers["set-cookie"]
    # A copy of a signed-out cookie is worthless.
    assert stranger.get("/", cookie=cookie)[0] == 303


def test_the_command_shows_the_pin(appliance: RunningAppliance, stranger: Visitor):
    shown = appliance.command("pin").strip()
    assert stranger.sign_in(f" {shown[:4]} {shown[4:]} ") == 303


def test_the_link_that_the_command_prints_signs_in_once(
    appliance: RunningAppliance, stranger: Visitor
):
    carried = make_link(Config(state=appliance.state)).partition("?link=")[2]
    # A program that only looks at the head uses nothing up.
    assert "set-cookie" not in stranger.ask("HEAD", f"/sign-in?link={carried}")[1]
    status, headers, _ = stranger.get(f"/sign-in?link={carried}")
    assert (status, headers["location"]) == (303, "/")
    cookie = headers["set-cookie"].partition(";")[0]
    assert "httponly" in headers["set-cookie"].lower()
    assert stranger.get("/", cookie=cookie)[0] == 200
    status, headers, body = stranger.get(f"/sign-in?link={carried}")
    assert status == 403
    assert "set-cookie" not in headers
    assert b"was used before" in body


@pytest.mark.parametrize("carried", ["%00", "x" * 5_000, "%ff", "a&link=b"])
def test_any_other_link_leads_to_the_form(stranger: Visitor, carried: str):
    status, headers, body = stranger.get(f"/sign-in?link={carried}")
    assert status == 403
    assert "set-cookie" not in headers
    assert b'name="pin"' in body


@pytest.mark.parametrize("pin", ["", "00000000", "x" * 20_000, "\u0661" * 8])
def test_a_wrong_pin_is_refused(stranger: Visitor, pin: str):
    status, headers, body = stranger.post("/sign-in", {"pin": pin})
    assert status == 403
    assert "set-cookie" not in headers
    assert b"Wrong PIN" in body


def test_guessing_locks_out_only_the_guesser(appliance: RunningAppliance, stranger: Visitor):
    other = Visitor(appliance.port, address="127.9.9.9")
    for _ in range(FREE_GUESSES):
        assert stranger.post("/sign-in", {"pin": "00000000"})[0] == 403
    status, headers, body = stranger.post("/sign-in", {"pin": appliance.pin})
    assert status == 429
    assert int(headers["retry-after"]) > 30
    assert b"Too many wrong PINs from your address" in body
    assert other.sign_in(appliance.pin) == 303


def test_a_press_of_the_button_gives_a_guesser_no_new_guess(
    appliance: RunningAppliance, stranger: Visitor
):
    for _ in range(FREE_GUESSES):
        stranger.post("/sign-in", {"pin": "00000000"})
    for _ in range(2):
        appliance.command("press")
        assert stranger.post("/sign-in", {"pin": "00000000"})[0] == 429


def test_the_owner_signs_in_while_somebody_guesses_without_end(
    appliance: RunningAppliance, stranger: Visitor
):
    over = threading.Event()

    def guess() -> None:
        while not over.is_set():
            stranger.post("/sign-in", {"pin": "00000000"})

    threads = [threading.Thread(target=guess) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        owner = Visitor(appliance.port, address="127.9.8.1")
        assert owner.sign_in(appliance.pin) == 303
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_guesses_at_the_same_moment_do_not_slip_past_the_count(stranger: Visitor):
    answers: list[int] = []
    guess = threading.Barrier(8)

    def try_one() -> None:
        guess.wait()
        while not answers or answers[-1] != 429:
            answers.append(stranger.post("/sign-in", {"pin": "00000000"})[0])

    threads = [threading.Thread(target=try_one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(403) == FREE_GUESSES
    assert set(answers) <= {403, 429, 503}


def test_a_session_stays_valid_during_the_lock_out(owner: Visitor, stranger: Visitor):
    for _ in range(FREE_GUESSES + 1):
        stranger.post("/sign-in", {"pin": "1"})
    assert owner.get("/")[0] == 200


def test_a_new_pin_counts_at_once_and_signs_everyone_out(
    appliance: RunningAppliance, owner: Visitor, stranger: Visitor
):
    old = appliance.pin
    new = replace_pin(appliance.state).digits
    assert owner.get("/")[0] == 303
    assert stranger.sign_in(old) == 403
    assert stranger.sign_in(new) == 303


@pytest.mark.parametrize(("addresses", "checked"), [(10, 6), (1, 2)])
def test_only_so_many_pins_wait_and_the_others_are_asked_to_try_again(
    tmp_path, monkeypatch, addresses, checked
):
    answered: queue.Queue[int] = queue.Queue()
    go_on, check = threading.Event(), Authenticator._check

    def check_later(auth: Authenticator, typed: str, address: str) -> SignInFound:
        go_on.wait(60)
        return check(auth, typed, address)

    def guess(page: Served, number: int) -> None:
        visitor = Visitor(page.port, address=f"127.8.0.{number % addresses + 1}")
        answered.put(visitor.post("/sign-in", {"pin": "00000000"})[0])

    monkeypatch.setattr(Authenticator, "_check", check_later)
    with served(FakeAppliance(), tmp_path) as page:
        threads = [threading.Thread(target=guess, args=[page, number]) for number in range(10)]
        for thread in threads:
            thread.start()
        try:
            refused = [answered.get(timeout=5) for _ in range(10 - checked)]
        except queue.Empty:
            refused = []
        finally:
            go_on.set()
            for thread in threads:
                thread.join(60)
    assert refused == [503] * (10 - checked)
    assert answered.qsize() == checked
