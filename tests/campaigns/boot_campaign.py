"""The appliance installed and booted in a container: `make boot-test`. Needs root.

GREENLIGHT_SUITE selects the Debian version: bookworm (default) or trixie. If the kernel allows no
containers (it usually doesn't inside one), everything is skipped with the reason.

The tests are one story and run in order; each starts where the previous one ended.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .container import Container, make_root, namespaces_refused
from .installation import (
    NEWER,
    RELEASE,
    ROOT_TAR,
    SUITE,
    TOP,
    WORK,
    came_back,
    pack,
    provision,
    shorten_watchdog,
    variant,
)
from .other_machine import ADDRESS, IPV6_ADDRESS, cabled_to

# The page's port, as the kernel's tables have it.
EVERYWHERE, HERE = "00000000:1F90", "0100007F:1F90"
TABLES = "/proc/net/tcp /proc/net/tcp6"
HANGING = Path(__file__).with_name("hanging_search.py")

pytestmark = [pytest.mark.nspawn, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def machine() -> Iterator[Container]:
    """A booted Debian with a packed release in /root/release."""
    for program in ("systemd-nspawn", "mmdebstrap"):
        assert shutil.which(program), (
            f"{program} is missing: apt install systemd-container mmdebstrap"
        )
    assert os.geteuid() == 0, "systemd-nspawn needs root"
    if reason := namespaces_refused():
        pytest.skip(reason)
    make_root(ROOT_TAR, SUITE)
    pack(RELEASE)
    machine = Container(WORK / "machine", f"greenlight-{os.getpid()}")
    machine.unpack(ROOT_TAR)
    if reason := machine.refused():
        pytest.skip(reason)
    shutil.copytree(RELEASE, machine.folder / "root/release")
    machine.boot()
    machine.run("useradd --uid 1000 first")  # as a flashed card has one
    yield machine
    machine.power_off()


@pytest.fixture(scope="module")
def before(machine: Container) -> set[str]:
    """The files of the machine before anything was installed."""
    return machine.files()


def test_it_installs_without_a_network_and_is_ready(machine: Container, before: set[str]) -> None:
    assert before
    said = machine.run("/root/release/systemd/install.sh install")
    assert "Press the button" in said
    assert "greenlight" in machine.run("id --name --groups first").split()
    example = (TOP / "edge/greenlight.example.toml").read_text()
    assert machine.run("cat /etc/greenlight/greenlight.example.toml") == example
    assert machine.property("greenlight.service", "ActiveState") == "active"
    machine.wait_until("its model answers", "greenlight status --json | grep -q '\"model\": *{'")


def test_nothing_waits_for_network_or_clock_at_boot(machine: Container) -> None:
    for unit in ("greenlight.service", "greenlight-sync.service", "greenlight.target"):
        after = machine.run(f"systemctl list-dependencies --plain {unit}")
        assert "online" not in after
        assert "time-sync" not in after


def test_without_certificates_the_sync_service_rests(machine: Container) -> None:
    assert machine.property("greenlight-sync.service", "ActiveState") == "inactive"
    assert machine.property("greenlight-sync.service", "ConditionResult") == "no"


def test_installing_again_changes_nothing(machine: Container) -> None:
    files, pid = machine.files(), machine.property("greenlight.service", "MainPID")
    machine.run("greenlight-setup install")
    assert machine.property("greenlight.service", "MainPID") == pid
    assert machine.files() == files


def test_press_approve_and_rate_through_the_socket(machine: Container) -> None:
    pick = machine.asked("press")["pick"]
    machine.run("greenlight approve")
    machine.run("greenlight rate 8")
    assert any(pick["title"] in str(row) and "8" in str(row) for row in machine.asked("history"))
    assert machine.asked("status")["outbox"]["waiting"] == 1


def test_each_user_sees_only_what_it_needs(machine: Container, tmp_path: Path) -> None:
    provisioned = machine.folder / "root/provisioned"
    shutil.copytree(provision(tmp_path), provisioned)
    machine.run("greenlight-setup connect /root/provisioned")
    sync = "setpriv --reuid greenlight-sync --regid greenlight --clear-groups"
    machine.run(f"{sync} test -r /etc/greenlight/sync/private.pem.key")
    appliance = "setpriv --reuid greenlight --regid greenlight --clear-groups"
    assert machine.try_run(f"{appliance} ls /etc/greenlight/sync").returncode != 0
    assert machine.try_run(f"{appliance} touch /opt/greenlight/x").returncode != 0
    other = "setpriv --reuid nobody --regid nogroup --clear-groups"
    assert machine.try_run(f"{other} ls /var/lib/greenlight").returncode != 0
    assert machine.try_run(f"{other} touch /run/greenlight/power-off").returncode != 0
    assert machine.try_run(f"{sync} touch /run/greenlight/power-off").returncode != 0


def test_only_members_of_the_group_may_press(machine: Container) -> None:
    machine.run(
        "useradd --system owner && usermod -aG greenlight owner && useradd --system stranger"
    )
    try:
        assert json.loads(machine.run("runuser -u owner -- greenlight status --json"))["model"]
        assert machine.try_run("runuser -u stranger -- greenlight press").returncode != 0
        doctor = machine.try_run("runuser -u stranger -- greenlight doctor")
        assert (doctor.returncode, doctor.stderr) == (1, "")
        assert doctor.stdout.startswith("BAD access: ")
    finally:
        machine.run("userdel owner && userdel stranger")


def test_the_page_is_shown_to_the_network_only_when_asked(machine: Container) -> None:
    machine.wait_until("it listens here", f"grep -q {HERE} /proc/net/tcp")
    assert EVERYWHERE not in machine.run(f"cat {TABLES}")
    machine.run("greenlight-setup lan on")
    machine.wait_until("it listens everywhere", f"grep -q {EVERYWHERE} {TABLES}")
    allowed = machine.property("greenlight-page.socket", "IPAddressAllow")
    assert "192.168.0.0/16" in allowed
    machine.run("greenlight-setup lan off")
    machine.wait_until("it listens here again", f"grep -q {HERE} /proc/net/tcp")
    assert "192.168.0.0/16" not in machine.property("greenlight-page.socket", "IPAddressAllow")


def test_another_machine_finds_it_by_name_and_sees_the_page_only_when_asked(
    machine: Container,
) -> None:
    assert shutil.which("ip"), "ip is missing: apt install iproute2"
    with cabled_to(machine.leader) as phone:
        assert phone.look_up("greenlight.local") == ADDRESS
        assert phone.open(8080, "greenlight.local") == "ConnectionRefusedError"
        machine.run("greenlight-setup lan on")
        machine.wait_until("it listens everywhere", f"grep -q {EVERYWHERE} {TABLES}")
        assert phone.open(8080, "greenlight.local") in ("200", "303"), "its sign-in, at least"
        assert phone.open(8080, "greenlight.local", IPV6_ADDRESS) in ("200", "303")
        assert phone.open(8080, f"[{IPV6_ADDRESS}]", IPV6_ADDRESS) in ("200", "303")
        assert phone.open(8080, "elsewhere.example") == "421"
        machine.run("greenlight-setup lan off")


def test_connected_but_offline_both_services_run(machine: Container) -> None:
    machine.wait_until(
        "the sync service reports being offline to the appliance",
        'greenlight status --json | grep -q \'"state": *"offline"\'',
    )
    assert machine.property("greenlight-sync.service", "ActiveState") == "active"
    assert machine.property("greenlight-sync.service", "NRestarts") == "0"
    assert machine.asked("press")["ok"]


def test_the_watchdog_restarts_a_process_that_hangs(machine: Container) -> None:
    shorten_watchdog(machine, "greenlight.service")
    pid = machine.property("greenlight.service", "MainPID")
    machine.run(f"kill -STOP {pid}")
    came_back(machine, pid)


def test_the_watchdog_restarts_when_one_worker_hangs(machine: Container) -> None:
    machine.run("mkdir -p /opt/hanging")
    shutil.copy(HANGING, machine.folder / "opt/hanging/sitecustomize.py")
    shorten_watchdog(machine, "greenlight.service", "Environment=PYTHONPATH=/opt/hanging")
    pid = machine.property("greenlight.service", "MainPID")
    machine.try_run("timeout 2 greenlight press --json")  # hangs, as the search does
    try:
        came_back(machine, pid)
        said = machine.run("journalctl -u greenlight.service --no-pager -n 600")
    finally:
        machine.run("rm -rf /opt/hanging /run/systemd/system/greenlight.service.d")
        machine.run("systemctl daemon-reload && systemctl restart greenlight.service")
    assert "hang_forever" in said, "Python writes where it hung"


def test_an_upgrade_keeps_the_release_before_and_every_rating(machine: Container) -> None:
    first = machine.run("readlink /opt/greenlight/current").strip()
    installer = variant(machine, "next", "echo newer > appliance.md")
    machine.run(f"{installer} upgrade")
    assert machine.run("readlink /opt/greenlight/current").strip() != first
    assert machine.run("readlink /opt/greenlight/previous").strip() == first
    assert machine.asked("status")["model"]
    assert "8" in str(machine.asked("history"))


def test_a_failed_upgrade_goes_back_by_itself(machine: Container) -> None:
    runs = machine.run("readlink /opt/greenlight/current").strip()
    installer = variant(machine, "broken", "touch systemd/newer.py")
    broken = machine.folder / "root/broken/systemd"
    (broken / "newer.py").write_text(NEWER)
    share = "/opt/greenlight/current/share/greenlight"
    starts = f"ExecStart=/opt/greenlight/current/bin/python {share}/systemd/newer.py"
    unit = (broken / "greenlight.service").read_text()
    (broken / "greenlight.service").write_text(re.sub("(?m)^ExecStart=.*$", starts, unit))
    done = machine.try_run(f"{installer} upgrade")
    assert done.returncode == 1
    assert "is running again" in done.stderr
    assert machine.run("readlink /opt/greenlight/current").strip() == runs
    assert machine.property("greenlight.service", "ActiveState") == "active"
    assert machine.asked("press")["ok"]
    assert "8" in str(machine.asked("history")), "the older software reads its journal again"
    machine.run("ls /var/lib/greenlight/journal-of-failed-upgrade-*/journal.db")


def test_a_release_that_dies_after_its_start_goes_back_too(machine: Container) -> None:
    runs = machine.run("readlink /opt/greenlight/current").strip()
    dies = "/bin/sh -c 'systemd-notify --ready; sleep 3; exit 1'"
    installer = variant(
        machine,
        "dying",
        f'sed -i "s|^ExecStart=.*|ExecStart={dies}|; s/^NotifyAccess.*/NotifyAccess=all/"'
        " systemd/greenlight.service",
    )
    assert machine.try_run(f"{installer} upgrade").returncode == 1
    assert machine.run("readlink /opt/greenlight/current").strip() == runs
    assert machine.property("greenlight.service", "ActiveState") == "active"


def test_a_release_that_cannot_be_built_touches_nothing(machine: Container) -> None:
    runs, pid = (
        machine.run("readlink /opt/greenlight/current"),
        machine.property("greenlight.service", "MainPID"),
    )
    installer = variant(
        machine, "unsound", "sed -i 's/sha256:..../sha256:0000/' locks/greenlight.txt"
    )
    assert machine.try_run(f"{installer} upgrade").returncode == 1
    assert machine.run("readlink /opt/greenlight/current") == runs
    assert machine.property("greenlight.service", "MainPID") == pid


def test_rollback_and_back(machine: Container) -> None:
    current, previous = (
        machine.run(f"readlink /opt/greenlight/{name}") for name in ("current", "previous")
    )
    machine.run("greenlight-setup rollback")
    assert machine.run("readlink /opt/greenlight/current") == previous
    assert machine.asked("status")["model"]
    machine.run("greenlight-setup rollback")
    assert machine.run("readlink /opt/greenlight/current") == current


def test_the_button_switches_off_and_the_next_boot_is_ready(machine: Container) -> None:
    pick = machine.asked("press")["pick"]
    # In the background: a command that waited for it would be stopped by the shutdown.
    machine.run("greenlight hold 11 >/dev/null 2>&1 &")
    machine.wait_until_off()
    machine.boot()
    machine.wait_until("it is ready", "systemctl is-active greenlight.service")
    # Read here, not by the machine's shell: a title may hold an apostrophe.
    assert machine.asked("status")["pick"]["title"] == pick["title"]
    assert machine.try_run("test -e /run/greenlight/power-off").returncode != 0


def test_stopping_the_service_does_not_switch_off(machine: Container) -> None:
    machine.run("systemctl stop greenlight.service")
    assert machine.runs
    doctor = machine.try_run("greenlight doctor --simulate")
    assert doctor.returncode == 1
    assert "BAD appliance: not running" in doctor.stdout
    assert "sudo systemctl start greenlight`" in doctor.stdout
    assert machine.property("greenlight.service", "Result") == "success"
    machine.run("systemctl start greenlight.service")


def test_a_card_dies_and_a_new_one_continues_within_two_minutes(machine: Container) -> None:
    waiting = machine.asked("status")["outbox"]["waiting"]
    assert waiting >= 1
    machine.run("greenlight-setup backup /root/plain")
    passphrase = "GREENLIGHT_PASSPHRASE=secret"
    machine.run(f"{passphrase} greenlight-setup backup /root/whole --with-certificates")
    assert machine.try_run("grep -c 'PRIVATE KEY' /root/whole").stdout.strip() == "0"
    pin = machine.run("greenlight pin")
    machine.run("greenlight-setup uninstall --purge")
    machine.run("/root/release/systemd/install.sh install")
    began = time.monotonic()
    machine.run(f"{passphrase} greenlight-setup restore /root/whole")
    assert machine.asked("status")["outbox"]["waiting"] == waiting
    assert time.monotonic() - began < 120
    assert "8" in str(machine.asked("history")), "nothing was lost"
    assert machine.run("greenlight pin") == pin
    sync = "setpriv --reuid greenlight-sync --regid greenlight --clear-groups"
    machine.run(f"{sync} test -r /etc/greenlight/sync/private.pem.key")
    assert machine.property("greenlight-sync.service", "ActiveState") == "active"
    assert machine.asked("press")["ok"]


def test_uninstalling_leaves_nothing_but_state(machine: Container, before: set[str]) -> None:
    machine.run("greenlight-setup uninstall")
    left = machine.files() - before
    assert {
        path for path in left if not path.startswith(("/var/lib/greenlight", "/etc/greenlight"))
    } == set()
    assert "/var/lib/greenlight/journal.db" in left
    assert machine.try_run("systemctl status greenlight.service").returncode == 4
    assert "/etc/greenlight/greenlight.example.toml" in left
    machine.run("/root/release/systemd/install.sh install")
    assert "8" in str(machine.asked("history")), "the ratings from before are there again"


def test_purging_leaves_nothing(machine: Container, before: set[str]) -> None:
    machine.run("greenlight-setup uninstall --purge")
    assert machine.files() - before == set()
    assert machine.try_run("getent passwd greenlight greenlight-sync").stdout == ""
    assert machine.try_run("getent group greenlight greenlight-sync").stdout == ""
