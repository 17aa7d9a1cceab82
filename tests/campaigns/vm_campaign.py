"""The appliance in a virtual Pi, its button pressed, its power cut: `make vm-test`. Needs root.

GREENLIGHT_POWER_CUTS says how often (default 20), GREENLIGHT_SEED when. The tests are one story and
run in their order.
"""

from __future__ import annotations

import os
import random
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from . import vm_image
from .vm import PowerIsGone, Silence, VirtualMachine

TOP = Path(__file__).parents[2]
WORK = TOP / "build/vm-test"
POWER_CUTS = int(os.environ.get("GREENLIGHT_POWER_CUTS", "20"))
SEED = int(os.environ.get("GREENLIGHT_SEED", "1"))
# Long enough for an emulator on a busy machine; it costs nothing when all is well.
BOOT_SECONDS, ANSWER_SECONDS = 1200.0, 600.0
# The boundaries between kinds of presses, less what the emulator may add to a press.
SHORT_SECONDS, APPROVAL_SECONDS = 0.9, (1.9, 4.9)

# In the guest: the history as lines, since all of it is too long for the serial line.
FACTS = """
import json, sys
for row in json.load(sys.stdin):
    if row["decision"]:
        print("approved", row["pick"]["id"])
    for rating in row["ratings"]:
        print("rated", rating["id"])
"""

pytestmark = [pytest.mark.nspawn, pytest.mark.timeout(4 * 3600)]


@pytest.fixture(scope="module")
def machine() -> Iterator[VirtualMachine]:
    """A machine that has never been switched on, with the appliance on its disk."""
    for program in ("qemu-system-x86_64", "systemd-nspawn", "mmdebstrap", "mke2fs"):
        assert shutil.which(program), f"{program} is missing: see the Makefile's vm-test"
    assert os.geteuid() == 0, "making the disk needs root"
    subprocess.run(
        [TOP / "systemd/pack.sh", WORK / "release"], env={**os.environ, "WHEELS": "1"}, check=True
    )
    tar = WORK / "bookworm-kernel.tar"
    vm_image.make_root(tar)
    (WORK / "layer.qcow2").unlink(missing_ok=True)
    machine = VirtualMachine(WORK, *vm_image.make_disk(WORK, WORK / "release", tar))
    yield machine
    machine.cut_power()


def boot(machine: VirtualMachine) -> float:
    """Switch on and wait until the appliance is ready; return the seconds since kernel start."""
    machine.power_on()
    deadline = time.monotonic() + BOOT_SECONDS
    while True:
        try:
            machine.wait_for_agent(60)
            break
        except Silence:
            if time.monotonic() > deadline:
                raise
            if machine.stands_still:
                print("\nthe emulator's guest stands still: one more power cut", flush=True)
                machine.cut_power()
                machine.power_on()
    wait(machine, "it runs", lambda: run_state(machine) == "active")
    since = machine.shell(
        "systemctl show greenlight.service --value --property ActiveEnterTimestampMonotonic"
    )
    return int(since) / 1e6


def run_state(machine: VirtualMachine) -> str:
    said = machine.order({"shell": "systemctl is-active greenlight.service"})
    return str(said["said"]).strip()


def wait(machine: VirtualMachine, what: str, reached: Callable[[], bool]) -> None:
    """Wait until something holds inside the machine."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            log = machine.shell("journalctl -b --no-pager -n 40; systemctl --failed --no-pager")
            raise AssertionError(f"{what}: not within {ANSWER_SECONDS:g} s\n{log}")
        time.sleep(1)


def phase(machine: VirtualMachine) -> str:
    return str(machine.ask(command="status")["phase"])


def press(machine: VirtualMachine, seconds: float, bounces: int = 0) -> float:
    """Press the button; return how long it was down, emulated on a busy machine."""
    return float(machine.order({"press": seconds, "bounces": bounces}))


def written(machine: VirtualMachine) -> set[str]:
    """Return the journal's ids of feedback, and of approved picks."""
    command = "/usr/local/bin/greenlight history --json --limit 10000"
    return set(machine.shell(f"{command} | python3 -c {shlex.quote(FACTS)}").splitlines())


def test_the_first_boot_becomes_ready(machine: VirtualMachine) -> None:
    seconds = boot(machine)
    wait(machine, "its model answers", lambda: phase(machine) == "ready")
    light = machine.order({"look": 2})
    assert light["on"] == 1
    print(f"\nfirst boot: ready {seconds:.1f} s after kernel start (emulated)")


def test_the_pins_are_lgpio_on_the_kernels_own_chip(machine: VirtualMachine) -> None:
    pid = machine.shell("systemctl show greenlight.service --value --property MainPID").strip()
    assert "_lgpio" in machine.shell(f"cat /proc/{pid}/maps")
    assert "/dev/gpiochip0" in machine.shell(f"ls -l /proc/{pid}/fd")
    owner = machine.shell(f"stat -c %U /proc/{pid}").strip()
    assert owner == "greenlight"


def test_press_pick_approve_rate(machine: VirtualMachine) -> None:
    while press(machine, 0.3, bounces=2) > SHORT_SECONDS:
        pass
    wait(machine, "a pick waits", lambda: machine.ask(command="status")["pick"] is not None)
    light = machine.order({"look": 6})
    assert 0 < light["on"] < 1, "it blinks"
    title = machine.ask(command="status")["pick"]["title"]
    if press(machine, 1.4) < APPROVAL_SECONDS[0]:  # cancelled
        assert machine.ask(command="status")["pick"]["title"] == title
        assert press(machine, 2.8) < APPROVAL_SECONDS[1], "this machine is too busy for a test"
    wait(machine, "it is approved", lambda: phase(machine) == "ready")
    assert machine.ask(command="status")["awaiting_rating"][0]["title"] == title
    assert machine.ask(command="rate", stars=8)["ok"]
    assert machine.ask(command="status")["outbox"]["waiting"] == 1


def test_the_button_switches_off(machine: VirtualMachine) -> None:
    press(machine, 12)
    machine.wait_until_off(ANSWER_SECONDS)


def test_a_second_boot_is_ready_at_once(machine: VirtualMachine) -> None:
    seconds = boot(machine)
    light = machine.order({"look": 1})
    assert light["on"] == 1
    assert phase(machine) == "ready"
    print(f"\nsecond boot: ready light {seconds:.1f} s after kernel start (emulated)")
    print(machine.shell("systemd-analyze time; systemd-analyze critical-chain greenlight.service"))
    machine.cut_power()


def test_power_cuts_lose_nothing_that_was_confirmed(machine: VirtualMachine) -> None:
    chance = random.Random(SEED)
    confirmed: set[str] = set()
    typical = boot(machine)
    confirmed |= written(machine)
    for number in range(1, POWER_CUTS + 1):
        if chance.random() < 0.3:
            machine.cut_power()
            moment = chance.uniform(0, 1.2 * typical)
            machine.power_on()
            time.sleep(moment)
            machine.cut_power()
            where = f"{moment:.1f} s after power-on"
        else:
            moment = chance.uniform(0, 25)
            cut = threading.Timer(moment, machine.cut_power)
            cut.start()
            made = work_until_dark(machine)
            cut.join()
            confirmed |= made
            where = f"{moment:.1f} s into work, {len(made)} approvals and ratings confirmed in it"
        seconds = boot(machine)
        wait(machine, "a model answers", lambda: machine.ask(command="status")["model"] is not None)
        missing = confirmed - written(machine)
        assert not missing, f"after cut {number} ({where}) these were lost: {missing}"
        status = machine.ask(command="status")
        ratings = sum(fact.startswith("rated") for fact in confirmed)
        assert status["outbox"]["waiting"] >= ratings
        assert status["fault"] is None
        print(
            f"\ncut {number}: {where}; ready {seconds:.1f} s after kernel start, "
            f"all {len(confirmed)} confirmed approvals and ratings there, "
            f"attention {status['attention']}",
            flush=True,
        )
    assert machine.shell("ls /var/lib/greenlight | grep -c damaged || :").strip() == "0"


def work_until_dark(machine: VirtualMachine) -> set[str]:
    """Press, approve and rate until the power goes; return what was confirmed."""
    confirmed: set[str] = set()
    try:
        while True:
            press(machine, 0.2)
            deadline = time.monotonic() + 15  # on a busy machine a press may come out too long
            while machine.ask(command="status")["pick"] is None and time.monotonic() < deadline:
                time.sleep(0.05)
            approved = machine.ask(command="approve")
            if approved["ok"]:
                confirmed.add(f"approved {approved['pick']['id']}")
                rated = machine.ask(command="rate", stars=7, pick_id=approved["pick"]["id"])
                if rated["ok"]:
                    confirmed.add(f"rated {rated['feedback']['id']}")
    except PowerIsGone:
        return confirmed
