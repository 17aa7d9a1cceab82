"""An SD card turned into the appliance, both ways: `make image-test`. Needs root and loop devices.

The image is made here and laid out as Raspberry Pi OS's is: boot files on FAT, the system on ext4.
The card for cloud-init is a Debian with cloud-init, which reads the boot folder as Raspberry Pi
OS does. Their processor is this machine's: not shown are Raspberry Pi OS itself, and arm64.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .container import Container, make_root
from .installation import ROOT_TAR, SUITE, pack

TOP = Path(__file__).parents[2]
WORK = TOP / "build/image-test"

pytestmark = [pytest.mark.nspawn, pytest.mark.timeout(1200)]


def run(*words: str | Path) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def attached(image: Path, number: int) -> Iterator[str]:
    """A loop device for one partition."""
    table = json.loads(run("sfdisk", "--json", image))["partitiontable"]["partitions"]
    start, size = (512 * table[number - 1][key] for key in ("start", "size"))
    place = (f"--offset={start}", f"--sizelimit={size}")
    device = run("losetup", "--find", "--show", *place, image).strip()
    try:
        yield device
    finally:
        run("losetup", "--detach", device)


@contextlib.contextmanager
def mounted(image: Path, folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    with attached(image, 1) as boot, attached(image, 2) as system:
        run("mount", system, folder)
        try:
            (folder / "boot/firmware").mkdir(parents=True, exist_ok=True)
            run("mount", boot, folder / "boot/firmware")
            try:
                yield folder
            finally:
                run("umount", folder / "boot/firmware")
        finally:
            run("umount", folder)


@pytest.fixture(scope="module")
def image() -> Path:
    """An image like a downloaded one, with hardly any space left."""
    assert os.geteuid() == 0, "loop devices need root"
    if SUITE != "bookworm":
        pytest.skip(
            "real pins need lgpio, which plain Debian 13 doesn't ship; Raspberry Pi OS 13 does"
        )
    make_root(ROOT_TAR, SUITE)
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    image = WORK / "pi-os.img"
    with image.open("wb") as file:
        file.truncate(900 << 20)
    layout = "label: dos\nsize=64MiB, type=c\ntype=83\n"
    subprocess.run(["sfdisk", "--quiet", image], input=layout, text=True, check=True)
    with attached(image, 1) as boot, attached(image, 2) as system:
        if "vfat" in Path("/proc/filesystems").read_text():
            run("mkfs.vfat", boot)
        else:  # this kernel can't mount FAT
            run("mke2fs", "-q", "-t", "ext4", boot)
        run("mke2fs", "-q", "-t", "ext4", system)
    with mounted(image, WORK / "mount") as root:
        run("tar", "-C", root, "-xf", ROOT_TAR)
        (root / "boot/firmware/cmdline.txt").write_text("console=tty1 root=PARTUUID=x rootwait\n")
        (root / "etc/hostname").write_text("raspberrypi\n")
        (root / "etc/hosts").write_text("127.0.0.1\tlocalhost\n127.0.1.1\traspberrypi\n")
    return image


def test_an_image_becomes_the_appliance(image: Path) -> None:
    release = pack(WORK / "release")
    run(TOP / "systemd/image/customise.sh", image, release)
    with mounted(image, WORK / "mount") as root:
        assert "cgroup_enable=memory" in (root / "boot/firmware/cmdline.txt").read_text()
        assert len((root / "boot/firmware/cmdline.txt").read_text().splitlines()) == 1
        assert (root / "etc/hostname").read_text() == "greenlight\n"
        assert not (root / "root/greenlight").exists()
        assert not (root / "etc/greenlight/environment").exists(), "its pins are real"


def test_customising_it_again_changes_nothing_of_the_release(image: Path) -> None:
    with mounted(image, WORK / "mount") as root:
        before = (root / "opt/greenlight/current").readlink()
    run(TOP / "systemd/image/customise.sh", image, WORK / "release")
    with mounted(image, WORK / "mount") as root:
        assert (root / "opt/greenlight/current").readlink() == before
        assert (root / "boot/firmware/cmdline.txt").read_text().count("cgroup_enable") == 1


def test_it_boots_into_the_appliance(image: Path) -> None:
    with mounted(image, WORK / "mount") as root:
        # This machine has no pins.
        (root / "etc/greenlight/environment").write_text("GREENLIGHT_OPTIONS=--simulate\n")
        machine = Container(root, f"greenlight-image-{os.getpid()}")
        machine.boot()
        try:
            machine.wait_until(
                "its model answers", "greenlight status --json | grep -q '\"model\": *{'"
            )
            assert machine.asked("press")["ok"]
        finally:
            machine.power_off()


def test_cloud_init_makes_the_appliance_at_its_first_boot() -> None:
    tar = ROOT_TAR.with_name(f"{ROOT_TAR.stem}-cloud-init.tar")
    make_root(tar, SUITE, "cloud-init")
    machine = Container(WORK / "cloud-init", f"greenlight-cloud-init-{os.getpid()}")
    machine.unpack(tar)
    # The owner's part, as the head of user-data says it.
    boot = machine.folder / "boot/firmware"
    boot.mkdir(parents=True)
    shutil.copytree(pack(WORK / "release"), boot / "greenlight")
    for name in ("user-data", "meta-data"):
        shutil.copy(TOP / "systemd/image" / name, boot)
    # This machine has no pins.
    text = (boot / "user-data").read_text()
    assert "GREENLIGHT_PINS=real, " in text
    (boot / "user-data").write_text(text.replace("GREENLIGHT_PINS=real, ", ""))
    (boot / "cmdline.txt").write_text("console=tty1 root=PARTUUID=x rootwait\n")
    # Raspberry Pi OS's part: cloud-init looks at the boot partition.
    (machine.folder / "etc/cloud/cloud.cfg.d/99-seed.cfg").write_text(
        "datasource_list: [NoCloud]\ndatasource: {NoCloud: {seedfrom: 'file:///boot/firmware/'}}\n"
    )
    # Imager's part: it makes a user before our commands run.
    with (machine.folder / "etc/passwd").open("a") as users:
        users.write("first:x:1000:100::/nonexistent:/bin/sh\n")
    machine.boot()
    try:
        machine.wait_until("cloud-init is done", "test -e /var/lib/cloud/instance/boot-finished")
        # The last stage runs our commands; the earlier ones miss locales and ssh here.
        status = json.loads(machine.run("cat /var/lib/cloud/data/status.json"))["v1"]
        assert status["modules-final"]["errors"] == []
        machine.wait_until(
            "its model answers", "greenlight status --json | grep -q '\"model\": *{'"
        )
        assert machine.asked("press")["ok"]
        assert machine.run("hostname") == "greenlight\n"
        assert "greenlight" in machine.run("id --name --groups first").split()
        assert "cgroup_enable=memory" in (boot / "cmdline.txt").read_text()
        machine.run("test ! -e /root/greenlight")
    finally:
        machine.power_off()
