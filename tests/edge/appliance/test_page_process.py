"""The page's process beside the appliance: what it loads and opens, and what if it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from data.exits import Exit
from edge.appliance import page_process
from edge.appliance.page_process import bind
from edge.config import Config

from ..process import Bench, Running

ROOT = Path(__file__).parents[3]
LOADS = """
import sys
sys.argv = ["greenlight", "page"]
from edge.cli import application
application()
import edge.page.server
print(*sorted(sys.modules))
"""
# Code with access to the journal, models, pins and keys.
NOT_LOADED = {
    *("numpy", "onnxruntime", "sqlite3", "gpiozero", "cryptography", "edge.journal"),
    *("edge.models", "edge.panel", "edge.search.model", "edge.appliance.appliance"),
}
WAIT_SECONDS = 30


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def press(bench: Bench) -> bool:
    """Press as soon as there is a model, and return whether there was a pick."""
    until(lambda: bench.ask("status")["phase"] == "ready")
    return bench.ask("press")["ok"]


def page_of(running: Running) -> psutil.Process:
    def pages() -> list[psutil.Process]:
        children = psutil.Process(running.process.pid).children()
        return [one for one in children if "page" in one.cmdline()[:5]]

    until(pages)
    return pages()[0]


def answers(address: str) -> bool:
    port = int(address.rstrip("/").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.settimeout(WAIT_SECONDS)
        client.sendall(f"GET /sign-in HTTP/1.1\r\nhost: localhost:{port}\r\n\r\n".encode())
        return client.recv(100).startswith(b"HTTP/1.1 200 ")


@pytest.fixture
def with_page(supplied: Bench) -> tuple[Running, str]:
    """A running appliance with its page, and the page's address."""
    text = supplied.config.read_text().replace("page = false", "page = true\npage_port = 0")
    supplied.config.write_text(text)
    running = supplied.start()
    return running, running.wait_for("page: ").removeprefix("page: ")


def test_the_page_loads_no_journal_no_model_and_no_pins():
    done = subprocess.run(
        [sys.executable, "-c", LOADS], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert NOT_LOADED & set(done.stdout.split()) == set()


@pytest.mark.parametrize("ipv6", [True, False])
def test_one_address_serves_both_families_where_the_kernel_has_both(monkeypatch, ipv6: bool):
    if not ipv6:
        monkeypatch.setattr(page_process, "_IPV6", Path("/nowhere"))
    elif not page_process._IPV6.exists():
        pytest.skip("SKIPPED LOUDLY: this kernel has no IPv6")
    with bind(Config(page_host="::", page_port=0)) as listener:
        port = listener.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), 5).close()
        if ipv6:
            socket.create_connection(("::1", port), 5).close()


def test_the_page_holds_no_file_of_the_state_folder_and_binds_nothing(with_page, bench):
    running, address = with_page
    assert answers(address)
    page = page_of(running)
    opened = [str(one.readlink()) for one in Path(f"/proc/{page.pid}/fd").iterdir()]
    assert [name for name in opened if str(bench.state) in name] == []
    assert str(bench.state) not in Path(f"/proc/{page.pid}/maps").read_text()
    assert str(bench.state) not in " ".join(page.cmdline())


def test_a_page_that_crashes_is_started_again_and_the_button_never_notices(with_page, bench):
    running, address = with_page
    first = page_of(running)
    first.send_signal(signal.SIGKILL)
    assert press(bench)
    until(lambda: not first.is_running() and page_of(running).pid != first.pid)
    # The address stayed open all the time: connections made meanwhile are answered now.
    assert answers(address)
    assert running.process.poll() is None
    assert running.stop() == 0
    assert "the page ended with code -9; restarting it" in running.errors


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_page_ends_with_its_appliance(with_page, number: int):
    running, address = with_page
    assert answers(address)
    page = page_of(running)
    # Even a hanging page is gone by then, or ends as soon as it continues.
    running.stop(number)
    until(lambda: not page.is_running() or page.status() == psutil.STATUS_ZOMBIE)


def test_a_page_that_cannot_be_configured_is_a_warning_and_not_retried_forever(supplied: Bench):
    text = supplied.config.read_text().replace(
        "page = false", 'page = true\npage_port = 0\npage_certificate = "x"\npage_key = "y"'
    )
    supplied.config.write_text(text)
    running = supplied.start()
    until(lambda: any("page_certificate" in said for said in supplied.ask("status")["attention"]))
    assert press(supplied)
    assert running.stop() == 0
    assert "restarting it" not in running.errors
    assert "WARNING edge.appliance.page_process: page: greenlight: " in running.errors


def test_an_address_that_is_taken_is_a_warning(supplied: Bench):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = supplied.config.read_text().replace(
            "page = false", f"page = true\npage_port = {port}"
        )
        supplied.config.write_text(text)
        supplied.start()
        until(lambda: any("page_port" in said for said in supplied.ask("status")["attention"]))
        assert press(supplied)


def test_without_a_listening_socket_the_page_says_who_starts_it(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "edge", "page", "--listen", "77", "--appliance", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=60,
    )
    assert done.returncode == Exit.CONFIGURATION
    assert "greenlight run" in done.stderr
