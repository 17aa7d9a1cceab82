"""Which requests are for this page: the form's token, our own names and origins."""

from __future__ import annotations

import pytest

from edge.appliance.sign_in import Sessions
from edge.page.auth import host_is_ours, own_names, same_origin, same_token


def test_each_session_has_its_own_form_token():
    sessions = Sessions(lambda: "salt", lambda: 0.0)
    one, other = sessions.check(sessions.begin()), sessions.check(sessions.begin())
    assert one is not None
    assert other is not None
    assert same_token(one, one.token)
    assert not same_token(one, other.token)
    assert not same_token(one, "")
    assert not same_token(one, "\udcff")


NAMES = own_names(("Films.example",))
HERE = ("192.168.1.20", 8080)


@pytest.mark.parametrize(
    "header", ["localhost:8080", "films.example:8080", "FILMS.example.:8080", "192.168.1.20:8080"]
)
def test_our_names_and_the_address_that_was_reached_are_ours(header):
    assert host_is_ours(header, "http", HERE, NAMES)


@pytest.mark.parametrize(
    "header",
    [
        *("", "evil.example:8080", "192.168.1.21:8080", "localhost", "localhost:80"),
        *("localhost:8080/x", "me@localhost:8080", "localhost:99999", "[::1", "[]:8080"),
        *("localhost:8080#x", "localhost:8080?x", "\udcff:8080", "localhost:8080@evil:8080"),
    ],
)
def test_every_other_host_is_refused(header):
    assert not host_is_ours(header, "http", HERE, NAMES)


def test_addresses_are_compared_and_not_their_spelling():
    assert host_is_ours("[fe80::1]:8080", "http", ("fe80::1%eth0", 8080), NAMES)
    assert host_is_ours("192.168.1.20:8080", "http", ("::ffff:192.168.1.20", 8080), NAMES)
    assert host_is_ours("[2001:db8:0::7]", "https", ("2001:db8::7", 443), NAMES)


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"origin": "http://localhost:8080"}, True),
        ({"origin": "https://localhost:8080"}, False),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({}, False),
    ],
)
def test_a_form_must_come_from_the_page_itself(headers, ours):
    assert same_origin({"host": "localhost:8080", **headers}, "http") is ours


def test_the_second_device_of_a_network_answers_to_the_name_it_was_given(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "films")
    names = own_names(("greenlight.local",))
    assert {"films.local", "films-2.local", "greenlight.local", "greenlight-2.local"} <= names
    assert "greenlight-x.local" not in names
