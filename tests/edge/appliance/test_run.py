"""The appliance as its owner uses it: a process with simulated pins, controlled by commands."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from edge.appliance.attention import ATTENTION_FILE
from edge.appliance.decisions import SLATE_FILE, keep_slate
from edge.journal import JOURNAL, Journal
from edge.models.store import POINTER, ModelStore, Trial
from edge.search.slate import Slate, Years


def offer(bench, rebundle, version: int) -> None:
    sha256 = rebundle(bench.state / "incoming" / str(version), version=version)
    with Journal.open(bench.state / JOURNAL) as journal:
        journal.offer_model(version, sha256, f"job-{version}", str(version))


def wait_until(true) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_from_a_first_model_to_a_rating_in_the_outbox(bench, rebundle):
    running = bench.start()
    assert "no model yet" in running.lines[-2]
    no_model = {"ok": False, "error": "there is no model yet", "refusal": "not now"}
    assert bench.ask("press") == no_model
    offer(bench, rebundle, 1)
    running.wait_for("model: films version 1")
    running.wait_for("led: solid")

    reply = bench.ask("press")
    assert reply["ok"]
    pick, answer = reply["pick"], reply["answer"]
    best = max(range(len(answer["expected"])), key=lambda i: (answer["expected"][i], -i))
    assert answer["slate"]["candidates"][best]["title"] == pick["title"]
    # Eight of the small model's directors have enough films; a larger model gives nine, and 36.
    assert len(answer["slate"]["candidates"]) == 32
    running.wait_for("led: two blinks")
    assert bench.ask("rate", stars=8)["error"].startswith("no approved film is waiting")

    assert bench.ask("hold", seconds=2.1)["message"].startswith("approved: ")
    assert bench.ask("approve")["error"] == "no pick is waiting for a decision"
    assert [film["pick_id"] for film in bench.ask("status")["awaiting_rating"]] == [pick["id"]]
    feedback = bench.ask("rate", stars=7.5)["feedback"]
    assert (feedback["stars"], feedback["rating"], feedback["source"]) == (8, 7.5, "owner")

    with Journal.open(bench.state / JOURNAL) as journal:
        (entry,) = journal.history()
        assert (entry.pick.id, entry.decision) == (pick["id"], "approved")
        assert [row.id for row in journal.peek_outbox(9)] == [feedback["id"]]
        (request,) = journal.pending_requests("verify")
        assert request.scores == (pick["prediction"]["expected"],)
        assert journal.activations_after(0)[0].outcome == "activated"
    assert running.stop() == 0
    assert running.lines[-1] == "stopping"
    assert not (bench.state / "control.sock").exists()


def test_a_fresh_press_gives_a_fresh_slate_and_a_simulated_rating_says_so(supplied):
    running = supplied.start()
    running.wait_for("model: films")
    first, second = supplied.ask("press"), supplied.ask("press")
    assert first["answer"]["slate"] != second["answer"]["slate"]
    assert supplied.ask("approve")["pick"]["id"] == second["pick"]["id"]
    stale = supplied.ask("approve", pick_id=first["pick"]["id"])
    assert stale["error"] == "no pick is waiting for a decision"
    assert supplied.ask("rate", simulated=True)["feedback"]["source"] == "simulated"
    history = json.loads(supplied.command("history", "--json").stdout)
    assert [entry["decision"] for entry in history] == ["approved", None]


def test_an_undecided_pick_waits_through_a_restart_and_a_kill(supplied):
    running = supplied.start()
    running.wait_for("model: films")
    pick = supplied.ask("press")["pick"]
    assert running.stop() == 0
    running = supplied.start()
    running.wait_for("led: two blinks")
    assert running.stop(signal.SIGKILL) == -signal.SIGKILL
    running = supplied.start()
    status = supplied.ask("status")
    assert status["phase"] == "a pick is waiting for a decision"
    assert status["pattern"] == "two blinks"
    assert supplied.ask("approve")["pick"]["id"] == pick["id"]


def test_it_answers_while_a_bad_model_is_tried(supplied, small_bundle, rebundle):
    running = supplied.start()
    running.wait_for("model: films version 1")
    probes = json.loads(small_bundle.files["probes.json"])
    probes["seconds"] = 1e-9
    folder = supplied.state / "incoming" / "2"
    sha256 = rebundle(folder, {"probes.json": json.dumps(probes).encode()})
    with Journal.open(supplied.state / JOURNAL) as journal:
        journal.offer_model(2, sha256, "job-2", "2")
    running.wait_for("model: trying version 2")
    answered = 0
    while not any("was refused" in line for line in running.lines):
        assert supplied.ask("press")["ok"]
        answered += 1
    assert answered
    status = supplied.ask("status")
    assert status["model"]["version"] == 1
    assert "model version 2 was refused: its probes took" in status["attention"][0]
    running.wait_for("led: two blinks, one long")
    assert supplied.ask("approve")["ok"]
    running.wait_for("led: 1 Hz")
    assert supplied.ask("status", seen=True)["attention"] == []
    running.wait_for("led: solid", after=len(running.lines) - 1)


def trial_of(running) -> int | None:
    """The process in which a model is tried, if one is at this moment."""
    for children in Path(f"/proc/{running.process.pid}/task").glob("*/children"):
        for child in children.read_text().split():
            with contextlib.suppress(OSError):
                if b"edge.models.trial" in Path(f"/proc/{child}/cmdline").read_bytes():
                    return int(child)
    return None


def test_a_trial_killed_from_outside_does_not_condemn_the_first_model(supplied):
    running = supplied.start()
    wait_until(lambda: trial_of(running) is not None)
    os.kill(trial_of(running), signal.SIGKILL)
    wait_until(lambda: supplied.ask("status")["attention"])
    assert (
        "killed from outside, probably because memory ran short; trying again"
        in (supplied.ask("status")["attention"][0])
    )
    running.wait_for("model: films version 1")
    wait_until(lambda: not supplied.ask("status")["attention"])
    with Journal.open(supplied.state / JOURNAL) as journal:
        assert [a.outcome for a in journal.activations_after(0)] == ["activated"]


DYING = Path(__file__).parents[1] / "dying.py"


@pytest.mark.parametrize("moment", ["load", "search"])
def test_an_appliance_that_keeps_dying_at_a_new_models_work_goes_back(supplied, rebundle, moment):
    running = supplied.start()
    running.wait_for("model: films version 1")
    assert supplied.ask("press")["ok"]
    offer(supplied, rebundle, 2)
    running.wait_for("model: films version 2")
    assert running.stop() == 0
    config = str(supplied.config)
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, DYING, moment, "run", "--simulate", "--config", config],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
    running = supplied.start()
    assert running.wait_for("model: films version 1")
    status = supplied.ask("status")
    assert status["model"]["version"] == 1
    assert "version 2 was given up: the appliance died 3 times" in status["attention"][0]
    assert supplied.ask("press")["ok"]
    with Journal.open(supplied.state / JOURNAL) as journal:
        recorded = [(a.outcome, a.version) for a in journal.activations_after(0)]
    assert recorded == [("activated", 1), ("activated", 2), ("rolled-back", 2)]

    retried = supplied.command("model", "retry")
    assert (retried.returncode, retried.stdout) == (0, "model version 2 will be tried again\n")
    running.wait_for("model: films version 2")
    assert supplied.ask("press")["ok"]
    assert supplied.command("model", "retry").returncode == 1


def test_a_closed_terminal_is_a_clean_stop_and_deaths_while_idle_are_not_blamed_on_the_model(
    supplied,
):
    for number in (signal.SIGHUP, signal.SIGKILL) * 3:
        running = supplied.start()
        running.wait_for("model: films version 1")
        # The search that warms up is over once the mark is gone.
        wait_until(lambda: ModelStore(supplied.state).read().trial == Trial())
        assert running.stop(number) == (0 if number is signal.SIGHUP else -signal.SIGKILL)
    assert supplied.state.joinpath("versions/1").is_dir()
    supplied.start().wait_for("model: films version 1")
    assert supplied.ask("status")["attention"] == []


def test_a_damaged_journal_is_set_aside_and_shown_as_a_warning(supplied):
    supplied.state.mkdir()
    (supplied.state / JOURNAL).write_bytes(b"no journal" * 999)
    running = supplied.start()
    running.wait_for("model: films")
    assert "damaged and is now in journal.db.damaged-1" in supplied.ask("status")["attention"][0]
    assert supplied.ask("press")["ok"]
    found = supplied.command("doctor", "--simulate")
    assert found.returncode == 1
    assert "journal.db.damaged-1" in found.stdout


def test_a_lost_record_of_models_stops_no_pick_and_is_named_until_it_is_rebuilt(supplied):
    running = supplied.start()
    running.wait_for("model: films")
    record = supplied.state / POINTER
    record.write_bytes(b"\0" * 40)
    assert supplied.ask("press")["ok"]
    [sentence] = [one for one in supplied.ask("status")["attention"] if "models" in one]
    assert "new models are refused until a restart has rebuilt it" in sentence
    found = supplied.command("doctor", "--simulate")
    assert "the record of accepted models" in found.stdout
    running.stop()
    record.unlink()
    running = supplied.start()
    running.wait_for("model: films")
    assert "rebuilt from the verified models" in supplied.ask("status")["attention"][0]
    assert json.loads(record.read_bytes())["seen"]["films"]["version"] == 1


def test_a_journal_removed_under_the_appliance_is_a_fault_and_nothing_is_lost(supplied):
    running = supplied.start()
    running.wait_for("model: films")
    films = []
    for _ in range(2):
        films.append(supplied.ask("press")["pick"]["id"])
        assert supplied.ask("approve")["ok"]
    assert supplied.ask("rate", stars=8, pick_id=films[0])["ok"]
    for file in supplied.state.glob(f"{JOURNAL}*"):
        file.unlink()
    refused = supplied.command("rate", "7", "--pick", films[1])
    assert refused.returncode == 1
    assert "removed while it was in use" in refused.stderr
    wait_until(lambda: supplied.ask("status")["phase"] == "fault")
    assert supplied.ask("status")["pattern"] == "fast even blinking"
    assert "kept in journal.db.replaced-1" in supplied.ask("status")["fault"]
    assert supplied.command("doctor", "--simulate").returncode == 1
    assert running.stop() == 0
    supplied.start().wait_for("model: films")
    assert "1 ratings were recovered" in supplied.ask("status")["attention"][0]
    assert supplied.ask("status")["outbox"]["waiting"] == 1
    assert supplied.ask("rate", stars=7, pick_id=films[1])["ok"]


def test_a_damaged_row_is_reported_and_costs_nothing_else(supplied):
    running = supplied.start()
    running.wait_for("model: films")
    rated = supplied.ask("press")["pick"]["id"]
    assert supplied.ask("approve")["ok"]
    assert supplied.ask("rate", stars=8)["ok"]
    assert supplied.ask("press")["ok"]
    assert running.stop() == 0
    for table in ("ratings", "sync_state", "requests", "picks"):
        newest = "seq = (SELECT max(seq) FROM picks)" if table == "picks" else "1"
        column = "value" if table == "sync_state" else "payload"
        with closing(sqlite3.connect(supplied.state / JOURNAL)) as connection:
            connection.execute("INSERT OR IGNORE INTO sync_state VALUES ('clock', '[1', 0)")
            connection.execute(f"UPDATE {table} SET {column} = x'7b' WHERE {newest}")
            connection.commit()
    found = supplied.command("doctor", "--simulate")
    assert found.returncode == 1
    assert "BAD journal: damaged rows:" in found.stdout
    supplied.start().wait_for("model: films")
    status = supplied.ask("status")
    assert status["pattern"] == "1 Hz"
    (sentence,) = status["attention"]
    assert "damaged rows of the journal were set aside" in sentence
    assert "restored from a second copy: 1" in sentence
    assert supplied.command("history").returncode == 0
    assert supplied.ask("status", seen=True)["pattern"] == "solid"
    assert "damaged rows set aside earlier" in supplied.command("doctor", "--simulate").stdout
    assert supplied.ask("rate", stars=7, pick_id=rated)["error"].split(";")[0].endswith("rated 8")
    assert supplied.ask("press")["ok"]


def test_light_and_status_answer_while_another_program_locks_the_journal(supplied):
    supplied.start().wait_for("model: films")
    assert supplied.ask("press")["ok"]
    assert supplied.ask("approve")["ok"]
    with closing(sqlite3.connect(supplied.state / JOURNAL, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        rated: list[dict] = []
        rating = threading.Thread(target=lambda: rated.append(supplied.ask("rate", stars=8)))
        pressing = threading.Thread(target=lambda: rated.append(supplied.ask("press")))
        rating.start()
        pressing.start()
        for _ in range(3):
            status = supplied.ask("status")
            assert (status["running"], status["awaiting_rating"] != []) == (True, True)
        # Nothing could be written yet, so nobody has been answered but us.
        assert rated == []
        other.execute("ROLLBACK")
        rating.join(30)
        pressing.join(30)
    assert [outcome["ok"] for outcome in rated] == [True, True]
    assert supplied.ask("status")["attention"] == []


def test_a_warning_survives_a_restart_until_it_is_read(supplied):
    running = supplied.start()
    running.wait_for("model: films")
    assert running.stop() == 0
    (supplied.state / SLATE_FILE).write_bytes(b"{")
    running = supplied.start()
    (warning,) = supplied.ask("status")["warnings"]
    assert warning["subject"] == "slate"
    assert running.stop() == 0
    stopped = supplied.command("status")
    assert warning["sentence"] in " ".join(stopped.stdout.split())
    supplied.start().wait_for("model: films")
    status = supplied.ask("status")
    assert (status["warnings"], status["pattern"]) == ([warning], "1 Hz")
    assert supplied.ask("status", seen=True)["pattern"] == "solid"
    assert json.loads((supplied.state / ATTENTION_FILE).read_bytes()) == []


def test_holding_past_ten_seconds_would_shut_down_and_past_five_synchronises(bench):
    running = bench.start()
    assert bench.ask("hold", seconds=5.1)["message"] == (
        "asked the sync service to synchronise and verify now"
    )
    for shown in ("led: held: 1", "led: held", "led: held: 2", "led: held: 3", "led: breathing"):
        running.wait_for(shown)
    with Journal.open(bench.state / JOURNAL) as journal:
        assert len(journal.pending_requests("sync")) == 1


def test_systemd_hears_ready_alive_and_stopping(bench):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.settimeout(20)
        # Not pytest's folder, whose path is too long for a socket.
        address = f"\0greenlight-test-{os.getpid()}"
        systemd.bind(address)
        running = bench.start(NOTIFY_SOCKET="@" + address[1:], WATCHDOG_USEC="400000")
        heard = [systemd.recv(100) for _ in range(4)]
        assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"WATCHDOG=1"]
        running.stop()
        last = heard[-1]
        while last == b"WATCHDOG=1":
            last = systemd.recv(100)
        assert last == b"STOPPING=1"


def test_the_socket_is_for_the_group_and_wrong_requests_are_named(bench):
    bench.start()
    mode = (bench.state / "control.sock").stat().st_mode
    assert stat.S_IMODE(mode) == 0o660
    assert "`command` is 'dance', which isn't known" in bench.ask("dance")["error"]
    assert "seconds" in bench.ask("hold", seconds="long")["error"]
    assert "give up to 60" in bench.ask("hold", seconds=61)["error"]
    assert bench.ask("rate", stars=8, pick_id="none")["error"].startswith("there is no pick 'none'")


def test_the_page_is_served_beside(supplied):
    config = supplied.config.read_text().replace("page = false", "page = true\npage_port = 0")
    supplied.config.write_text(config)
    running = supplied.start()
    assert running.wait_for("page: http://localhost:")
    assert running.stop() == 0
    assert running.errors == ""


def test_the_owners_slate_holds_from_the_first_press_after_a_restart(supplied):
    supplied.state.mkdir()
    keep_slate(supplied.state, Slate(years=Years(only=(1990,))))
    supplied.start().wait_for("model: films")
    assert supplied.ask("status")["narrowed"]
    assert supplied.ask("press")["pick"]["year"] == 1990


def test_a_damaged_slate_is_set_aside_and_everything_else_goes_on(supplied):
    supplied.state.mkdir()
    (supplied.state / SLATE_FILE).write_bytes(b"no slate")
    config = supplied.config.read_text().replace("page = false", "page = true\npage_port = 0")
    supplied.config.write_text(config)
    running = supplied.start()
    assert running.wait_for("page: http://localhost:")
    assert f"is now in {SLATE_FILE}.damaged-1" in supplied.ask("status")["attention"][0]
    running.wait_for("model: films")
    assert len(supplied.ask("press")["answer"]["slate"]["candidates"]) == 32


def test_each_command_answers_a_person_and_a_program(supplied):
    running = supplied.start()
    running.wait_for("model: films")
    pressed = supplied.command("press")
    assert pressed.returncode == 0, pressed.stderr
    assert "★" in pressed.stdout
    assert "stars expected" in pressed.stdout
    assert "approved: " in supplied.command("approve").stdout
    assert "8 stars (owner)" in supplied.command("rate", "8").stdout
    status = json.loads(supplied.command("status", "--json").stdout)
    assert status["outbox"]["waiting"] == 1
    assert "1 rating saved on this appliance" in supplied.command("status").stdout
    doctor = supplied.command("doctor")
    assert doctor.returncode == 0, doctor.stdout
    assert running.stop() == 0

    # And alone, while no appliance runs.
    [listed] = csv.DictReader(supplied.command("history", "--csv").stdout.splitlines())
    columns = ("decision", "stars", "rating_source", "delivery", "model_version")
    assert [listed[name] for name in columns] == ["approved", "8", "owner", "waiting", "1"]
    [entry] = json.loads(supplied.command("history", "--json").stdout)
    assert listed["explored"] == ("yes" if entry["pick"]["explored"] else "no")
    assert json.loads(supplied.command("status", "--json").stdout)["running"] is False
    assert supplied.command("approve").returncode == 1
    assert supplied.command("press").returncode == 69
    pin = supplied.command("pin").stdout
    assert supplied.command("pin").stdout == pin
    assert supplied.command("pin", "--new").stdout != pin


def test_a_locale_without_our_characters_decides_nothing(supplied):
    latin = {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0", "LC_ALL": "C"}
    supplied.start(**latin).wait_for("model: films")
    pressed = supplied.command("press", env={**os.environ, **latin}, encoding="latin-1")
    assert (pressed.returncode, pressed.stderr) == (0, "")
    assert "?" in pressed.stdout
    assert "stars expected" in pressed.stdout
