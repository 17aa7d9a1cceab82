"""Who gets in: the PIN, the lock-out after wrong guesses, and sessions."""

from __future__ import annotations

import asyncio
import threading

import pytest

from edge.appliance.pairing import Pairing
from edge.appliance.sign_in import (
    DIGITS,
    FREE_GUESSES,
    LONGEST_LOCK_SECONDS,
    MAX_ADDRESSES,
    PIN_FILE,
    Authenticator,
    Lockout,
    PinUnusable,
    Sessions,
    read_or_make_pin,
    replace_pin,
)
from edge.page.port import SESSION_SECONDS, SignInFound

# ---- the PIN


def test_the_first_start_makes_a_pin_that_stays(tmp_path):
    pin = read_or_make_pin(tmp_path)
    assert len(pin.digits) == DIGITS
    assert pin.digits.isdigit()
    assert pin.shown.replace(" ", "") == pin.digits
    assert read_or_make_pin(tmp_path) == pin
    assert (tmp_path / PIN_FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [PIN_FILE]


def test_only_the_right_digits_match_however_they_are_grouped(tmp_path):
    pin = read_or_make_pin(tmp_path)
    assert pin.matches(pin.digits)
    assert pin.matches(f" {pin.shown} ")
    assert not pin.matches("")
    assert not pin.matches(pin.digits[:-1])
    assert not pin.matches(pin.digits + "0")
    assert not pin.matches("\udcff" * 10_000)


def test_a_new_pin_replaces_the_old(tmp_path):
    old = read_or_make_pin(tmp_path)
    new = replace_pin(tmp_path)
    assert read_or_make_pin(tmp_path) == new
    assert not new.matches(old.digits)


def test_several_first_starts_at_once_agree(tmp_path):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(read_or_make_pin(tmp_path))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len({pin.digits for pin in found}) == 1


@pytest.mark.parametrize(
    "content", [b"", b"1234", b"\xff", b'{"digits":"1","salt":"x","hash":"y"}']
)
def test_a_damaged_file_is_reported_with_the_fix(tmp_path, content):
    (tmp_path / PIN_FILE).write_bytes(content)
    with pytest.raises(PinUnusable, match="greenlight pin --new"):
        read_or_make_pin(tmp_path)


def test_a_missing_folder_is_reported(tmp_path):
    with pytest.raises(PinUnusable, match="nowhere"):
        read_or_make_pin(tmp_path / "nowhere")


# ---- lock-out


GUESSER = "192.168.1.2"


def guess_wrong(lockout: Lockout, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        lockout.guessed_wrong(GUESSER, now)


def test_a_few_typos_cost_nothing():
    lockout = Lockout()
    guess_wrong(lockout, FREE_GUESSES - 1)
    assert lockout.seconds_left(GUESSER, 0.0) == 0


def test_then_each_wrong_pin_locks_for_twice_as_long_up_to_an_hour():
    lockout = Lockout()
    guess_wrong(lockout, FREE_GUESSES)
    waits = [lockout.seconds_left(GUESSER, 0.0)]
    for _ in range(8):
        now = sum(waits)
        assert lockout.seconds_left(GUESSER, now) == 0
        lockout.guessed_wrong(GUESSER, now)
        waits.append(lockout.seconds_left(GUESSER, now))
    assert waits[:4] == [60, 120, 240, 480]
    assert waits[-1] == LONGEST_LOCK_SECONDS


@pytest.mark.parametrize(
    ("guesser", "other", "together"),
    [
        ("192.168.1.7", "192.168.1.8", False),
        ("192.168.1.7", "::ffff:192.168.1.7", True),
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", False),
    ],
)
def test_only_the_address_or_the_network_of_a_machine_is_locked(guesser, other, together):
    lockout = Lockout()
    for _ in range(FREE_GUESSES):
        lockout.guessed_wrong(guesser, 0.0)
    assert lockout.seconds_left(guesser, 0.0) > 0
    assert (lockout.seconds_left(other, 0.0) > 0) == together


def test_addresses_are_forgotten_before_they_fill_the_memory():
    lockout = Lockout()
    for number in range(MAX_ADDRESSES * 2):
        lockout.guessed_wrong(f"10.0.{number // 256}.{number % 256}", 0.0)
    assert len(lockout._guesses) == MAX_ADDRESSES


def test_the_right_pin_gives_the_free_guesses_back():
    lockout = Lockout()
    guess_wrong(lockout, FREE_GUESSES - 1)
    lockout.guessed_right(GUESSER)
    guess_wrong(lockout, FREE_GUESSES - 1)
    assert lockout.seconds_left(GUESSER, 0.0) == 0


def test_years_of_guessing_do_not_overflow():
    lockout = Lockout()
    guess_wrong(lockout, 5_000)
    assert lockout.seconds_left(GUESSER, 0.0) == LONGEST_LOCK_SECONDS


# ---- who has signed in before


def test_a_device_is_new_until_somebody_signs_in_whatever_is_done_to_its_pin(tmp_path):
    async def use() -> None:
        read_or_make_pin(tmp_path)
        pin = replace_pin(tmp_path)
        pairing = Pairing()
        auth = Authenticator(tmp_path, pairing)
        assert pairing.is_open(0.0)
        cookie = (await auth.sign_in(pin.digits, GUESSER)).cookie
        assert not pairing.is_open(0.0)
        # The PIN is what it was, and so the session goes on.
        assert read_or_make_pin(tmp_path).digits == pin.digits
        assert auth.session(cookie)
        auth.close()
        for change in (lambda: None, lambda: replace_pin(tmp_path)):
            change()
            later = Pairing()
            Authenticator(tmp_path, later).close()
            assert not later.is_open(0.0)

    asyncio.run(use())


def test_a_pin_from_before_pairing_is_not_that_of_a_new_device(tmp_path):
    (tmp_path / PIN_FILE).write_text(
        '{"digits":"12345678","salt":"00","hash":"00","schema_version":1}'
    )
    pairing = Pairing()
    Authenticator(tmp_path, pairing).close()
    assert not pairing.is_open(0.0)


def test_who_has_signed_in_before_finds_a_place_among_a_thousand_addresses_that_guess(
    tmp_path, monkeypatch
):
    go_on = threading.Event()

    async def use() -> None:
        pin = read_or_make_pin(tmp_path).digits
        auth = Authenticator(tmp_path, Pairing())
        assert (await auth.sign_in(pin, "192.168.1.7")).cookie
        check = auth._check

        def check_later(typed: str, address: str) -> SignInFound:
            go_on.wait(30)
            return check(typed, address)

        monkeypatch.setattr(auth, "_check", check_later)
        guesses = [
            asyncio.create_task(auth.sign_in("0", f"10.0.{number // 250}.{number % 250}"))
            for number in range(1000)
        ]
        await asyncio.sleep(0)
        owner = asyncio.create_task(auth.sign_in(pin, "192.168.1.7"))
        await asyncio.sleep(0)
        go_on.set()
        assert (await owner).cookie
        assert {found.cookie for found in await asyncio.gather(*guesses)} == {None}
        auth.close()

    asyncio.run(use())


# ---- sessions


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_session_lasts_until_its_end_by_a_clock_that_only_goes_forward():
    clock = Clock()
    sessions = Sessions(lambda: "salt", clock)
    cookie = sessions.begin()
    assert sessions.check(cookie)
    clock.now = SESSION_SECONDS - 1
    assert sessions.check(cookie)
    clock.now = SESSION_SECONDS
    assert sessions.check(cookie) is None


def test_an_ended_session_is_over_and_another_goes_on():
    sessions = Sessions(lambda: "salt", Clock())
    cookie, other = sessions.begin(), sessions.begin()
    session = sessions.check(cookie)
    assert session is not None
    sessions.end(session)
    assert sessions.check(cookie) is None
    assert sessions.check(other)


def test_a_restart_or_a_new_pin_signs_everyone_out():
    salt = "old"
    sessions = Sessions(lambda: salt, Clock())
    cookie = sessions.begin()
    assert Sessions(lambda: salt, Clock()).check(cookie) is None
    salt = "new"
    assert sessions.check(cookie) is None


@pytest.mark.parametrize(
    "forge",
    [
        lambda cookie: None,
        lambda cookie: "",
        lambda cookie: "..",
        lambda cookie: "x" * 5_000,
        lambda cookie: cookie.replace(".", ".9", 1),
        lambda cookie: cookie[:-1] + ("0" if cookie[-1] != "0" else "1"),
        lambda cookie: cookie + "é",
        lambda cookie: cookie.rpartition(".")[0],
    ],
)
def test_a_forged_cookie_has_no_session(forge):
    sessions = Sessions(lambda: "salt", Clock())
    assert sessions.check(forge(sessions.begin())) is None
