"""Tries a fault, and checks that all reports about it agree.

Exit codes, the light, `status` and `doctor` are four witnesses. `trial` inflicts a fault on a real
appliance, gives it commands as its owner would, removes the fault, restarts it, and returns a
sentence for each thing that doesn't agree or that was confirmed and is gone.
"""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.exits import Exit
from edge.journal import JOURNAL, Journal

from ..process import Bench
from .faults import LATIN, Case, Fault

# `stop` or `hold`, which switches the machine off, comes last.
COMMANDS = (
    ("press",),
    ("approve",),
    ("rate", "8"),
    ("history",),
    ("status",),
    ("pin",),
    ("page",),
    ("hold", "10.5"),
)
_WARNS = ("1 Hz", "two blinks, one long")
_FAULT = "fast even blinking"
_ANSWERS_SECONDS = 1.0
_PAGE_SECONDS = 20.0
_STARTS_SECONDS = 120.0
# A button counts as stuck after a minute.
_NOTICES_SECONDS = 90.0


def begin(bench: Bench) -> Case:
    """Start an appliance that has confirmed approvals and a rating."""
    running = bench.start(GREENLIGHT_POWER_OFF=str(_power_off(bench)))
    running.wait_for("model: films")
    case = Case(bench, running)
    # One film is left to rate under the fault.
    for command in (("press",), ("approve",), ("press",), ("approve",), ("rate", "7")):
        assert list(_give(case, command)) == []
    case.ended.clear()
    return case


def _power_off(bench: Bench) -> Path:
    return bench.state.with_name("power-off")


def trial(case: Case, fault: Fault, commands: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    """Yield a sentence for each thing that is wrong."""
    if fault.refused is not None:
        yield from _refused(case, fault, commands)
        return
    if fault.while_stopped:
        yield from _stop(case)
        fault.inflict(case)
        _start(case, fault)
    else:
        fault.inflict(case)
    *asked, last = commands
    for command in asked:
        yield from _give(case, command, fault)
    if fault.noticed:
        _wait_until_reported(case)
    yield from _agree(case, fault)
    stops = last == ("stop",) or not fault.button_works
    yield from (_stop(case) if stops else _switch_off(case, last))
    fault.remove(case)
    _start(case)
    if not fault.loses_all:
        yield from _kept(case)
    yield from _stop(case)


def _refused(case: Case, fault: Fault, commands: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    """A fault with which the appliance can't start: every command says so and changes nothing."""
    yield from _stop(case)
    fault.inflict(case)
    started = case.bench.command("run", "--simulate")
    case.ended["stop"] = str(started.returncode)
    case.ended["light"] = "off"
    if started.returncode != fault.refused or not started.stderr.strip():
        yield f"it ended with {started.returncode}, not {fault.refused}: {started.stderr[-500:]}"
    if "Traceback" in started.stderr or fault.says not in started.stderr:
        yield f"it doesn't say {fault.says!r}, but {started.stderr[-500:]}"
    for command in commands[:-1]:
        if command != ("page",):
            yield from _give(case, command, fault)
    examined = case.bench.command("doctor", "--simulate", "--json")
    case.ended["doctor"] = str(examined.returncode)
    if examined.returncode == Exit.FAILED:
        bad = {one["part"] for one in json.loads(examined.stdout) if not one["ok"]}
        case.ended["names"] = ", ".join(sorted(bad))
        if fault.doctor not in bad | {""}:
            yield f"doctor doesn't name {fault.doctor}, only {bad}"
    elif examined.returncode != fault.refused:
        yield f"doctor ended with {examined.returncode}: {examined.stderr[-500:]}"
    fault.remove(case)
    _start(case)
    yield from _kept(case)
    yield from _stop(case)


def _start(case: Case, fault: Fault | None = None) -> None:
    fault = fault or Fault()
    power_off = str(_power_off(case.bench))
    environment = {"GREENLIGHT_POWER_OFF": power_off, **dict(fault.environment)}
    case.running = case.bench.start(under=fault.under, **environment)
    case.running.wait_for("model: films", seconds=_STARTS_SECONDS)


def _give(case: Case, command: tuple[str, ...], fault: Fault | None = None) -> Iterator[str]:
    fault = fault or Fault()
    name = command[0]
    if name == "page":
        if fault.has_page:
            yield from _open_page(case)
        return
    environment = {**os.environ, **dict(fault.environment)}
    encoding = "latin-1" if fault.environment == LATIN else None
    done = case.bench.command(*command, "--json", env=environment, encoding=encoding)
    said = done.stdout + done.stderr
    case.ended[name] = str(done.returncode)
    expected = (Exit.OK, Exit.FAILED, Exit.NOT_RUNNING, Exit.NO_STATE, fault.refused)
    if done.returncode not in expected:
        yield f"{name} ended with {done.returncode}: {said}"
    if "Traceback" in said or (done.returncode and not said.strip()):
        yield f"{name} says {said!r}"
    if name == "history" and done.returncode == Exit.OK and not fault.loses_all:
        shown = {one["pick"]["title"] for one in json.loads(done.stdout) if one["ratings"]}
        if lacks := case.confirmed - shown:
            yield f"history ended with 0 and lacks {lacks}"
    if name in ("press", "approve", "rate") and done.stdout:
        answer = json.loads(done.stdout)
        if answer["ok"] != (done.returncode == 0):
            yield f"{name} ended with {done.returncode} and said {answer}"
        if answer["ok"] and name == "approve":
            case.approved.add(answer["pick"]["title"])
        if answer["ok"] and name == "rate":
            case.confirmed.add(answer["feedback"]["title"])


def _open_page(case: Case) -> Iterator[str]:
    """Open the page as a browser does: whatever the fault, somebody reads something there."""
    address = case.running.wait_for("page: ").removeprefix("page: ")
    try:
        with urllib.request.urlopen(address, timeout=_PAGE_SECONDS) as answer:
            code, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        code, text = error.code, error.read().decode()
    except OSError as error:
        code, text = 0, str(error)
    case.ended["page"] = str(code)
    if code not in (200, 503) or "Traceback" in text:
        yield f"the page answered {code}: {text[:300]}"


def _wait_until_reported(case: Case) -> None:
    """Give the appliance time to notice; `_agree` names what it hasn't noticed by then."""
    deadline = time.monotonic() + _NOTICES_SECONDS
    while time.monotonic() < deadline:
        status = case.bench.ask("status")
        if status.get("fault") or status.get("attention"):
            return
        time.sleep(0.1)


def _agree(case: Case, fault: Fault) -> Iterator[str]:
    asked = time.monotonic()
    status: dict[str, Any] = case.bench.ask("status")
    if (took := time.monotonic() - asked) > _ANSWERS_SECONDS:
        yield f"status took {took:.1f} s"
    if not status["ok"]:
        yield f"status was refused: {status['error']}"
        return
    examined = case.bench.command("doctor", "--simulate", "--json")
    case.ended["doctor"] = str(examined.returncode)
    found = json.loads(examined.stdout)
    bad = {one["part"] for one in found if not one["ok"]}
    case.ended["names"] = ", ".join(sorted(bad))
    # The sync service isn't part of this, and a film waiting for it isn't a fault.
    bad -= {"sync"}
    case.ended["light"] = status["pattern"]
    case.ended["status"] += " fault" if status["fault"] else " warns" * bool(status["attention"])
    if fault.light not in ("", status["pattern"]):
        yield f"the light says {status['pattern']}, not {fault.light}"
    shown = " ".join(case.bench.command("status").stdout.split())
    if fault.says not in shown:
        yield f"status doesn't say {fault.says!r}, but {shown}"
    if (examined.returncode == 0) != all(one["ok"] for one in found):
        yield f"doctor ended with {examined.returncode} and found {bad}"
    if any(not one["ok"] and not one["fix"] for one in found):
        yield f"doctor doesn't say what to do: {found}"
    if fault.doctor and fault.doctor not in bad:
        yield f"doctor doesn't name {fault.doctor}, only {bad}"
    if (status["pattern"] == _FAULT) != bool(status["fault"]):
        yield f"the light says {status['pattern']}, status {status['fault']}"
    if status["fault"] and "appliance" not in bad:
        yield f"status has the fault {status['fault']}, doctor doesn't"
    if not status["fault"] and bool(status["attention"]) != (status["pattern"] in _WARNS):
        yield f"the light says {status['pattern']}, status {status['attention']}"
    if status["attention"] and "attention" not in bad:
        yield f"status warns of {status['attention']}, doctor doesn't"
    reported = bool(status["fault"] or status["attention"])
    if fault.noticed and not reported:
        yield "nobody noticed"
    if not fault.noticed and reported:
        yield f"reported without a cause: {status['fault'] or status['attention']}"
    if not fault.noticed and bad - {"attention"}:
        yield f"doctor finds {bad} without a cause"


def _switch_off(case: Case, command: tuple[str, ...]) -> Iterator[str]:
    """Hold the button until the machine is switched off."""
    yield from _give(case, command)
    code = case.running.process.wait(60)
    asked = _power_off(case.bench)
    if code != Exit.OK or not asked.exists():
        yield f"switched off: {asked.exists()}; it ended with {code}"
    asked.unlink(missing_ok=True)
    case.running.close()


def _stop(case: Case) -> Iterator[str]:
    code = case.running.stop()
    case.ended["stop"] = str(code)
    if code != Exit.OK:
        yield f"it ended with {code}: {case.running.errors[-500:]}"


def _kept(case: Case) -> Iterator[str]:
    with Journal.open(case.bench.state / JOURNAL, make=False) as journal:
        history = journal.history()
        waiting = journal.outbox_depth()[0]
    approved = {entry.pick.title for entry in history if entry.decision == "approved"}
    rated = {entry.pick.title for entry in history if entry.ratings}
    if lost := case.approved - approved:
        yield f"approved and not found again: {lost}"
    if rated != case.confirmed:
        yield f"rated: {case.confirmed}; found again: {rated}"
    if waiting != len(case.confirmed):
        yield f"{len(case.confirmed)} ratings were confirmed, {waiting} wait to be sent"
