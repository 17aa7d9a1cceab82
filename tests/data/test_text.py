"""What could change how other text looks never reaches a terminal, a page or a log."""

from __future__ import annotations

import pytest

from data import wire
from data.errors import InvalidRecord
from data.films import check_text, normalise
from data.messages import Ack, VerificationReply
from data.text import is_plain, plain

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
ZERO_WIDTH = "\u180e\u200b\u200c\u200d\u2060\ufeff"
CONTROL = "\x00\x07\x08\n\r\x1b\x7f\x80\x85\x9b\x9f\u2028\u2029"


@pytest.mark.parametrize("character", BIDI + ZERO_WIDTH + CONTROL, ids=lambda c: f"U+{ord(c):04X}")
def test_no_such_character_passes(character: str):
    text = f"Ann{character}Bee"
    assert not is_plain(text)
    assert plain(text) == "Ann\ufffdBee"
    with pytest.raises(InvalidRecord) as refused:
        check_text(f"director{character}", text)
    assert character not in str(refused.value)


@pytest.mark.parametrize("character", BIDI + ZERO_WIDTH)
def test_names_lose_what_cannot_be_seen(character: str):
    assert normalise(f"Ann{character} Bee{character}") == "Ann Bee"


def test_names_of_every_script_stay_as_they_are():
    for name in ("Søren Ærø", "宮崎 駿", "یوسف", "Ελένη", "O’Neil & Söhne", "👩 Film"):
        assert is_plain(name)
        assert normalise(name) == name


def test_the_clouds_words_are_neutralised_when_they_arrive():
    words = r"no\u202egnp.exe\u001b[2J\nsync: all is well"
    ack = f'{{"outcomes":[{{"id":"1","outcome":"rejected","reason":"{words}"}}]}}'
    reason = wire.decode(ack.encode(), Ack).outcomes[0].reason
    reply = (
        f'{{"request_id":"{"0" * 8}-0000-4000-8000-{"0" * 12}","model_hash":"","error":"{words}"}}'
    )
    error = wire.decode(reply.encode(), VerificationReply).error
    assert reason == error == "no\ufffdgnp.exe\ufffd[2J\ufffdsync: all is well"
