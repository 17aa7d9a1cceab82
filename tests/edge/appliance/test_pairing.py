"""Which browser a press of the button signs in: turns on the light, and who may keep whom out."""

from __future__ import annotations

import random

import pytest

from edge.appliance.pairing import (
    COLLECT_SECONDS,
    GONE_SECONDS,
    MOST_BROWSERS,
    MOST_TURNS_OF_AN_ADDRESS,
    ROUNDS_OF_A_TURN,
    WINDOW_SECONDS,
    Pairing,
    WaitingBrowser,
)

OWNER, ATTACKER = "192.168.1.7", "192.168.1.66"


def opened(seed: int = 1) -> Pairing:
    pairing = Pairing(random.Random(seed).choice)
    pairing.open(0.0)
    return pairing


def asked(pairing: Pairing, address: str, now: float = 0.0) -> WaitingBrowser:
    browser = pairing.ask(address, now)
    assert isinstance(browser, WaitingBrowser)
    return browser


def end_turn(pairing: Pairing, now: float = 0.0) -> WaitingBrowser | None:
    for _ in range(ROUNDS_OF_A_TURN):
        pairing.blinked()
    return pairing.advance(now)


def test_nobody_may_ask_before_it_is_opened_nor_after_ten_minutes():
    pairing = Pairing()
    assert pairing.ask(OWNER, 0.0) == "closed"
    pairing.open(0.0)
    browser = asked(pairing, OWNER, WINDOW_SECONDS - 1)
    assert pairing.advance(WINDOW_SECONDS - 1) is browser
    assert pairing.advance(WINDOW_SECONDS) is None
    assert pairing.look(browser.secret, WINDOW_SECONDS) == "ended"
    assert not pairing.pair(browser, WINDOW_SECONDS)
    assert pairing.ask(OWNER, WINDOW_SECONDS) == "closed"


def test_a_new_device_is_open_until_somebody_has_signed_in():
    pairing = Pairing()
    pairing.start_new()
    asked(pairing, OWNER, 1e6)
    pairing.signed_in()
    assert pairing.ask(OWNER, 1e6) == "closed"


def test_only_the_browser_whose_digits_were_shown_is_signed_in_and_only_once():
    pairing = opened()
    owner, other = asked(pairing, OWNER), asked(pairing, ATTACKER)
    pairing.shown = owner
    assert pairing.pair(owner, 1.0)
    assert pairing.look(other.secret, 1.0) == "ended"
    assert pairing.look("", 1.0) == "ended"
    assert pairing.look(owner.secret, 1.0) is owner
    assert pairing.look(owner.secret, 1.0) == "ended"
    assert pairing.ask(ATTACKER, 1.0) == "closed"


def test_a_browser_that_does_not_fetch_its_session_in_time_gets_none():
    pairing = opened()
    owner = asked(pairing, OWNER)
    pairing.pair(owner, 0.0)
    assert pairing.look(owner.secret, COLLECT_SECONDS) == "ended"


def test_browsers_that_wait_never_show_the_same_digits():
    pairing = opened()
    waiting = [asked(pairing, f"10.0.0.{number}") for number in range(MOST_BROWSERS)]
    assert len({browser.digits for browser in waiting}) == MOST_BROWSERS


@pytest.mark.parametrize("seed", range(20))
def test_an_attacker_who_was_first_and_asks_without_end_delays_the_owner_by_one_turn(seed):
    pairing = opened(seed)
    asked(pairing, ATTACKER)
    pairing.advance(0.0)
    owner = asked(pairing, OWNER)
    for _ in range(100):
        pairing.ask(ATTACKER, 0.0)
    shown = []
    while owner not in shown:
        shown.append(end_turn(pairing))
        pairing.ask(ATTACKER, 0.0)
    assert len(shown) == 1


@pytest.mark.parametrize("seed", range(20))
def test_an_attacker_with_many_addresses_delays_the_owner_by_a_turn_of_each_at_most(seed):
    pairing = opened(seed)
    addresses = [f"10.0.0.{number}" for number in range(12)]
    for address in addresses:
        asked(pairing, address)
    owner = asked(pairing, OWNER)
    pairing.advance(0.0)
    turns = 0
    while pairing.shown is not owner:
        end_turn(pairing)
        turns += 1
        for address in addresses:
            pairing.ask(address, 0.0)
    assert turns <= len(addresses)


def test_no_turn_is_cut_short_by_a_browser_that_asks_again():
    pairing = opened()
    owner = asked(pairing, OWNER)
    pairing.advance(0.0)
    for number in range(3 * MOST_BROWSERS):
        asked(pairing, f"10.0.0.{number}")
        assert pairing.ask(OWNER, 0.0) == "busy"
        pairing.blinked() if number == 0 else None
        assert pairing.advance(0.0) is owner


def test_an_address_gets_so_many_turns_and_a_hold_gives_them_back():
    pairing = opened()
    asked(pairing, ATTACKER)
    turns = 0
    while pairing.advance(0.0) is not None and turns < 100:
        end_turn(pairing)
        turns += 1
    assert turns == MOST_TURNS_OF_AN_ADDRESS
    assert pairing.ask(ATTACKER, 0.0) == "busy"
    asked(pairing, OWNER)
    pairing.open(0.0)
    asked(pairing, ATTACKER)


def test_digits_can_be_compared_once_the_light_has_shown_all_in_each_turn():
    pairing = opened()
    asked(pairing, OWNER)
    pairing.advance(0.0)
    assert not pairing.is_comparable
    pairing.blinked()
    assert pairing.is_comparable
    end_turn(pairing)
    assert pairing.is_comparable, "it's the same browser's turn again"
    other = asked(pairing, ATTACKER)
    end_turn(pairing)
    assert pairing.shown is other
    assert not pairing.is_comparable


def test_a_browser_that_stopped_asking_gives_its_turn_up():
    pairing = opened()
    gone, owner = asked(pairing, ATTACKER), asked(pairing, OWNER)
    pairing.shown = gone
    pairing.look(owner.secret, GONE_SECONDS - 1)
    assert pairing.advance(GONE_SECONDS) is owner
    assert not pairing.pair(gone, GONE_SECONDS)
    assert pairing.look(gone.secret, GONE_SECONDS) == "ended"


def test_a_browser_that_reloads_goes_on_waiting_and_another_of_its_address_takes_its_place():
    pairing = opened()
    first = asked(pairing, OWNER)
    assert pairing.digits_of(first.secret) == first.digits
    second = asked(pairing, OWNER)
    assert pairing.digits_of(first.secret) == ""
    assert pairing.advance(0.0) is second
