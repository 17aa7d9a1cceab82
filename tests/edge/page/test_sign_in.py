"""Signing in: right and wrong PINs, the lock-out, and the button that lifts it."""

from __future__ import annotations

import queue
import threading

import pytest

from edge.page import PageServer
from edge.page.auth import FREE_GUESSES, Authenticator, replace_pin

from .fake_appliance import FakeAppliance, served
from .running_appliance import RunningAppliance, Visitor


@pytest.fixture(autouse=True)
def _unlocked(appliance: RunningAppliance):
    """Lift the lock-out after each test."""
    yield
    appliance.command("press")


def test_the_right_pin_signs_in_and_signing_out_ends_the_session(
    appliance: RunningAppliance, stranger: Visitor
):
    assert stranger.sign_in(appliance.pin) == 303
    assert stranger.get("/")[0] == 200
    assert stranger.get("/sign-in")[0] == 303
    status, headers, _ = stranger.post("/sign-out")
    assert (status, headers["location"]) == (303, "/sign-in")
    assert 'greenlight=""' in headers["set-cookie"]


def test_the_command_shows_the_pin(appliance: RunningAppliance, stranger: Visitor):
    shown = appliance.command("pin").strip()
    assert stranger.sign_in(f" {shown[:4]} {shown[4:]} ") == 303


@pytest.mark.parametrize("pin", ["", "00000000", "x" * 20_000, "\u0661" * 8])
def test_a_wrong_pin_is_refused(stranger: Visitor, pin: str):
    status, headers, body = stranger.post("/sign-in", {"pin": pin})
    assert status == 403
    assert "set-cookie" not in headers
    assert b"Wrong PIN" in body


def test_guessing_locks_everyone_out_until_the_button_is_pressed(
    appliance: RunningAppliance, stranger: Visitor
):
    for _ in range(FREE_GUESSES):
        assert stranger.post("/sign-in", {"pin": "00000000"})[0] == 403
    status, headers, body = Visitor(appliance.port).post("/sign-in", {"pin": appliance.pin})
    assert status == 429
    assert int(headers["retry-after"]) > 30
    assert b"Press the button on the appliance" in body
    appliance.command("press")
    assert Visitor(appliance.port).sign_in(appliance.pin) == 303


def test_guesses_at_the_same_moment_do_not_slip_past_the_count(appliance: RunningAppliance):
    answers: list[int] = []
    guess = threading.Barrier(8)

    def try_one() -> None:
        visitor = Visitor(appliance.port)
        guess.wait()
        answers.append(visitor.post("/sign-in", {"pin": "00000000"})[0])

    threads = [threading.Thread(target=try_one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(403) == FREE_GUESSES
    assert set(answers) <= {403, 429, 503}


def test_a_session_stays_valid_during_the_lock_out(
    appliance: RunningAppliance, owner: Visitor, stranger: Visitor
):
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


def test_only_so_many_pins_wait_and_the_others_are_asked_to_try_again(tmp_path, monkeypatch):
    answered: queue.Queue[int] = queue.Queue()
    go_on, checked = threading.Event(), Authenticator._check

    def check_later(auth: Authenticator, typed: str) -> str | None:
        go_on.wait(60)
        return checked(auth, typed)

    def guess(page: PageServer) -> None:
        port = int(page.address.rstrip("/").rpartition(":")[2])
        answered.put(Visitor(port).post("/sign-in", {"pin": "00000000"})[0])

    monkeypatch.setattr(Authenticator, "_check", check_later)
    with served(FakeAppliance(), tmp_path) as page:
        threads = [threading.Thread(target=guess, args=[page]) for _ in range(10)]
        for thread in threads:
            thread.start()
        try:
            refused = [answered.get(timeout=5) for _ in range(2)]
        except queue.Empty:
            refused = []
        finally:
            go_on.set()
            for thread in threads:
                thread.join(60)
    assert refused == [503, 503]
    assert answered.qsize() == 8
