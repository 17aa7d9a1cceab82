"""The PIN is made once, shown again, and readable by the appliance's own user only."""

from __future__ import annotations

import threading

import pytest

from edge.page.pin import DIGITS, PIN_FILE, PinUnusable, make_anew, read_or_make


def test_the_first_start_makes_a_pin_that_stays(tmp_path):
    pin = read_or_make(tmp_path)
    assert len(pin.digits) == DIGITS
    assert pin.digits.isdigit()
    assert pin.shown.replace(" ", "") == pin.digits
    assert read_or_make(tmp_path) == pin
    assert (tmp_path / PIN_FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [PIN_FILE]


def test_only_the_right_digits_match_however_they_are_grouped(tmp_path):
    pin = read_or_make(tmp_path)
    assert pin.matches(pin.digits)
    assert pin.matches(f" {pin.shown} ")
    assert not pin.matches("")
    assert not pin.matches(pin.digits[:-1])
    assert not pin.matches(pin.digits + "0")
    assert not pin.matches("\udcff" * 10_000)


def test_a_new_pin_replaces_the_old(tmp_path):
    old = read_or_make(tmp_path)
    new = make_anew(tmp_path)
    assert read_or_make(tmp_path) == new
    assert not new.matches(old.digits)


def test_several_first_starts_at_once_agree(tmp_path):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(read_or_make(tmp_path))) for _ in range(6)
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
def test_a_damaged_file_is_named_with_the_fix(tmp_path, content):
    (tmp_path / PIN_FILE).write_bytes(content)
    with pytest.raises(PinUnusable, match="greenlight pin --new"):
        read_or_make(tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(PinUnusable, match="nowhere"):
        read_or_make(tmp_path / "nowhere")
