"""A cookie is believed only if we made it, for this PIN, since this start, and not too long ago."""

from __future__ import annotations

import pytest

from edge.page.sessions import LASTS_SECONDS, Sessions, same_token


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_session_lasts_until_its_end_by_a_clock_that_only_goes_forward():
    clock = Clock()
    sessions = Sessions(lambda: "salt", clock)
    cookie = sessions.begin()
    assert sessions.check(cookie)
    clock.now = LASTS_SECONDS - 1
    assert sessions.check(cookie)
    clock.now = LASTS_SECONDS
    assert sessions.check(cookie) is None


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
def test_a_forged_cookie_is_nobody(forge):
    sessions = Sessions(lambda: "salt", Clock())
    assert sessions.check(forge(sessions.begin())) is None


def test_each_session_has_its_own_form_token():
    sessions = Sessions(lambda: "salt", Clock())
    one, other = sessions.check(sessions.begin()), sessions.check(sessions.begin())
    assert one is not None
    assert other is not None
    assert same_token(one, one.token)
    assert not same_token(one, other.token)
    assert not same_token(one, "")
    assert not same_token(one, "\udcff")
