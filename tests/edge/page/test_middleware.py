"""What the page refuses, and what it forbids browsers to do with it."""

from __future__ import annotations

import re
import socket
from urllib.parse import urlsplit

import pytest

from edge.page.app import ROUTES
from edge.page.forms import MAX_BODY_BYTES

from .running_appliance import RunningAppliance, Visitor

PAGES = ("/", "/slate", "/history", "/model", "/sync")
PUBLIC = ("/sign-in", "/pair")
ACTIONS = tuple(r.path for r in ROUTES if "POST" in r.methods and r.path not in PUBLIC)
NEEDS_A_SESSION = tuple(
    r.path
    for r in ROUTES
    if not r.path.startswith(("/static", *PUBLIC, "/favicon")) and "GET" in r.methods
)


def test_there_are_actions_and_pages_to_protect():
    assert len(ACTIONS) == 9
    assert set(PAGES) < set(NEEDS_A_SESSION)


@pytest.mark.parametrize("path", NEEDS_A_SESSION)
def test_nothing_is_shown_without_the_pin(stranger: Visitor, path: str):
    status, headers, body = stranger.get(path)
    assert (status, headers["location"], body) == (303, "/sign-in", b"")
    assert stranger.get(path, accept="text/event-stream")[0] == 401


@pytest.mark.parametrize("path", ACTIONS)
def test_nothing_is_done_without_the_pin(appliance: RunningAppliance, stranger: Visitor, path: str):
    before = appliance.remembered()
    assert stranger.post(path, {"token": "x", "stars": "9"})[0] == 303
    assert appliance.remembered() == before


@pytest.mark.parametrize("path", ACTIONS)
@pytest.mark.parametrize("token", [None, "", "0" * 64, "\udcff", "x" * 30_000])
def test_nothing_is_done_without_the_forms_token(
    appliance: RunningAppliance, owner: Visitor, path: str, token: str | None
):
    before = appliance.remembered()
    body = b"" if token is None else f"token={token}".encode("utf-8", "replace")
    status, _, answer = owner.ask("POST", path, body)
    assert status == 403
    assert b"Nothing was changed" in answer
    assert appliance.remembered() == before


def test_another_sessions_token_opens_nothing(appliance: RunningAppliance, owner: Visitor):
    other = Visitor(appliance.port)
    other.sign_in(appliance.pin)
    assert owner.post("/synchronise", {"token": other.token})[0] == 403


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "https://localhost", "http://localhost"]
)
def test_forms_of_other_sites_are_refused(
    appliance: RunningAppliance, owner: Visitor, origin: str | None
):
    before = appliance.remembered()
    assert owner.post("/synchronise", origin=origin)[0] == 403
    assert owner.post("/sign-in", {"pin": appliance.pin}, origin=origin)[0] == 403
    assert appliance.remembered() == before


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{}", "localhost:1", "", "a b"])
def test_other_names_are_refused_before_anything_else(owner: Visitor, host: str):
    status, _, body = owner.get("/", host=host.format(owner.port))
    assert (status, body[:9]) in ((421, b"This page"), (400, b"Invalid H"))


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FROB"])
def test_other_methods_are_refused(owner: Visitor, method: str):
    assert owner.ask(method, "/rate")[0] == 405


@pytest.mark.parametrize("path", ACTIONS)
def test_an_action_is_never_a_link(appliance: RunningAppliance, owner: Visitor, path: str):
    before = appliance.remembered()
    # The PIN has a page too, under the same address.
    assert owner.get(f"{path}?token={owner.token}")[0] == (200 if path == "/pin" else 405)
    assert appliance.remembered() == before


def test_a_head_over_the_limit_is_refused_even_if_it_comes_whole(owner: Visitor):
    for size in (17_000, 60_000):
        assert owner.get("/sign-in", x_large="y" * size)[0] in (400, 431)
        assert owner.get("/sign-in?x=" + "y" * size)[0] in (400, 431)
    assert owner.get("/", x_large="y" * 8_000)[0] == 200


def test_a_body_over_the_limit_is_refused_however_it_comes(owner: Visitor):
    large = b"x=" + b"y" * MAX_BODY_BYTES
    assert owner.ask("POST", "/rate", large)[0] == 413
    with socket.create_connection(("127.0.0.1", owner.port), 20) as client:
        client.sendall(
            f"POST /rate HTTP/1.1\r\nhost: {owner.host}\r\norigin: http://{owner.host}\r\n"
            f"cookie: {owner.cookie}\r\ncontent-type: application/x-www-form-urlencoded\r\n"
            "transfer-encoding: chunked\r\n\r\n".encode()
        )
        for _ in range(20):
            client.sendall(b"1000\r\n" + b"y" * 4096 + b"\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("path", [*PAGES, "/nowhere", "/history.csv", "/static/page.css"])
def test_every_response_carries_the_security_headers(owner: Visitor, path: str):
    headers = owner.get(path)[1]
    policy = dict(
        part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers
    cached = "immutable" in headers["cache-control"]
    assert cached == path.startswith("/static/")
    assert cached or headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", [*PAGES, "/sign-in", "/nowhere"])
def test_no_page_needs_anything_from_elsewhere_or_anything_inline(owner: Visitor, path: str):
    visitor = Visitor(owner.port) if path == "/sign-in" else owner
    text = visitor.get(path)[2].decode()
    for address in re.findall(r'(?:src|href|action)="([^"]*)"', text):
        assert not urlsplit(address).netloc
        assert not address.startswith("javascript:")
    assert not re.search(r"<style|<script(?! src=)|\sstyle=|\son[a-z]+=", text)


def test_the_cookie_is_kept_from_scripts_and_other_sites(
    appliance: RunningAppliance, stranger: Visitor
):
    cookie = stranger.post("/sign-in", {"pin": appliance.pin})[1]["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    # Over plain HTTP a browser would drop a cookie that asks for HTTPS.
    assert "secure" not in cookie


@pytest.mark.parametrize(
    "name",
    ["../app.py", "..%2fapp.py", "%2e%2e/app.py", "page.css/..", "nothing.css", "\\..\\app.py"],
)
def test_only_the_pages_own_files_are_served(owner: Visitor, name: str):
    assert owner.get(f"/static/{name}")[0] == 404


def test_what_was_typed_is_never_markup(owner: Visitor):
    status, _, body = owner.post(
        "/narrow", {"draw": "space", "find": "yes", "q": "<script>x", "kind": '"><b>'}
    )
    assert status == 200
    assert b"<script>x" not in body
    assert b"&lt;script&gt;x" in body
    assert b'"><b>' not in body
