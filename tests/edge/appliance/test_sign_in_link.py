"""The link that signs in once: for a while, on this boot, and only with all of it."""

from __future__ import annotations

import threading

import pytest

from edge.appliance import sign_in_link
from edge.appliance.sign_in_link import LINK_FILE, LINK_SECONDS, LinkUnusable, make_link, use_link
from edge.config import Config


def carried(state):
    address, _, carried = make_link(Config(state=state, page_port=8080)).partition("?link=")
    assert address == "http://localhost:8080/sign-in"
    return carried


def test_a_link_is_good_once(tmp_path):
    link = carried(tmp_path)
    assert (tmp_path / LINK_FILE).stat().st_mode & 0o777 == 0o600
    assert link not in (tmp_path / LINK_FILE).read_text(), "the file gives nobody the link"
    assert use_link(tmp_path, link)
    assert not use_link(tmp_path, link)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", ["", "x" * 32, "\udcff"])
def test_a_wrong_one_opens_nothing_and_ends_nothing(tmp_path, wrong):
    link = carried(tmp_path)
    assert not use_link(tmp_path, wrong)
    assert not use_link(tmp_path, link[:-1])
    assert use_link(tmp_path, link)


def test_a_newer_link_replaces_an_older_one(tmp_path):
    old, new = carried(tmp_path), carried(tmp_path)
    assert not use_link(tmp_path, old)
    assert use_link(tmp_path, new)


def test_it_ends_after_ten_minutes(tmp_path, monkeypatch):
    link = carried(tmp_path)
    now = sign_in_link.time.monotonic()
    monkeypatch.setattr(sign_in_link.time, "monotonic", lambda: now + LINK_SECONDS)
    assert not use_link(tmp_path, link)


def test_it_ends_with_the_boot(tmp_path, monkeypatch):
    link = carried(tmp_path)
    monkeypatch.setattr(sign_in_link, "boot_id", lambda: "another boot")
    assert not use_link(tmp_path, link)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"\xff", b'{"hash":"\xc3\xa9","ends_at":1,"boot":""}']
)
def test_a_damaged_file_opens_nothing(tmp_path, content):
    (tmp_path / LINK_FILE).write_bytes(content)
    assert not use_link(tmp_path, "x" * 32)


def test_of_many_at_the_same_moment_one_gets_in(tmp_path):
    link = carried(tmp_path)
    together, got_in = threading.Barrier(8), []

    def follow():
        together.wait()
        got_in.append(use_link(tmp_path, link))

    threads = [threading.Thread(target=follow) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got_in.count(True) == 1


def test_without_a_fixed_port_the_pin_is_named_instead(tmp_path):
    with pytest.raises(LinkUnusable, match="use the PIN"):
        make_link(Config(state=tmp_path, page_port=0))


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(LinkUnusable, match="nowhere"):
        make_link(Config(state=tmp_path / "nowhere"))
