"""The virtual machine's disk: Debian 12, the appliance installed in it, and a simulated GPIO chip.

The installer runs in the unpacked system without booting it, as it does for an SD card's image.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

_PACKAGES = (
    "systemd,systemd-sysv,dbus,udev,kmod,libpam-systemd,python3,python3-venv,linux-image-amd64"
)
_SOURCES = {
    "drivers/gpio/gpio-sim.c": "gpio-sim-core.c",
    "drivers/gpio/gpiolib.h": "gpiolib.h",
    "kernel/irq/irq_sim.c": "irq_sim.c",
}
_KERNEL_SOURCE = Path("/usr/src/linux-source-6.1.tar.xz")
_DISK_SIZE = "3G"
# What gpiozero reads to identify the board: a Raspberry Pi 4B.
_CPUINFO = (
    "processor\t: 0\n\nHardware\t: BCM2835\nRevision\t: c03114\nModel\t\t: Raspberry Pi 4 Model B\n"
)

_UNITS = {
    "vm-gpio.service": """[Unit]
Description=Simulated GPIO chip
Before=greenlight.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/python3 /opt/vm/vm_agent.py prepare
[Install]
WantedBy=multi-user.target
""",
    "vm-agent.service": """[Unit]
Description=Answers the test
After=vm-gpio.service
[Service]
ExecStart=/usr/bin/python3 /opt/vm/vm_agent.py serve
Restart=always
[Install]
WantedBy=multi-user.target
""",
    "greenlight.service.d/vm.conf": """[Service]
BindReadOnlyPaths=/opt/vm/cpuinfo:/proc/cpuinfo
# Emulated, on a busy machine: tens of times slower than a Pi.
WatchdogSec=600
TimeoutStartSec=600
""",
}


def make_root(tar: Path) -> None:
    """Download a minimal Debian with a kernel, once."""
    if tar.exists():
        return
    partial = tar.with_suffix(".partial.tar")
    subprocess.run(
        [
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            f"--include={_PACKAGES}",
            "bookworm",
            partial,
        ],
        check=True,
    )
    partial.rename(tar)


def build_gpio_sim(work: Path, kernel: str) -> Path:
    """Build the module that Debian's kernels lack; return its file."""
    folder = work / f"gpio-sim-{kernel}"
    module = folder / "gpio-sim.ko"
    if module.exists():
        return module
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"linux-source-6.1/{name}" for name in _SOURCES]
    subprocess.run(["tar", "-C", folder, "-xf", _KERNEL_SOURCE, *names], check=True)
    for name, flat in _SOURCES.items():
        text = (folder / "linux-source-6.1" / name).read_text()
        # irq_to_desc is not exported to modules.
        text = text.replace("handle_simple_irq(irq_to_desc(irqnum))", "generic_handle_irq(irqnum)")
        (folder / flat).write_text(text)
    (folder / "Kbuild").write_text("obj-m := gpio-sim.o\ngpio-sim-y := gpio-sim-core.o irq_sim.o\n")
    headers = f"/usr/src/linux-headers-{kernel}"
    subprocess.run(["make", "-s", "-C", headers, f"M={folder}", "modules"], check=True)
    return module


def make_disk(work: Path, release: Path, tar: Path) -> tuple[Path, Path, Path]:
    """Make the disk; return it, the kernel and the initial RAM disk."""
    root = work / "root"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    subprocess.run(["tar", "-C", root, "-xf", tar], check=True)
    kernel = next((root / "boot").glob("vmlinuz-*"))
    version = kernel.name.removeprefix("vmlinuz-")
    _furnish(root, build_gpio_sim(work, version))
    shutil.copytree(release, root / "root/release")
    subprocess.run(
        ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network",
         "--console=pipe", f"--directory={root}", "--setenv=GREENLIGHT_PINS=real",
         "--setenv=GREENLIGHT_OFFLINE=1", "/root/release/systemd/install.sh", "install"],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    shutil.rmtree(root / "root/release")
    # The only setting, for the emulator's sake: a Pi tries a model in a second or two.
    (root / "etc/greenlight/greenlight.toml").write_text("trial_seconds = 900.0\n")
    for unit in ("vm-gpio.service", "vm-agent.service"):
        subprocess.run(["systemctl", f"--root={root}", "enable", "--quiet", unit], check=True)
    initrd = root / "boot" / f"initrd.img-{version}"
    for file in (kernel, initrd):
        shutil.copy(file, work)
    raw, disk = work / "disk.raw", work / "disk.qcow2"
    for old in (raw, disk):
        old.unlink(missing_ok=True)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", root, raw, _DISK_SIZE], check=True)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, disk], check=True)
    raw.unlink()
    shutil.rmtree(root)
    return disk, work / kernel.name, work / initrd.name


def _furnish(root: Path, module: Path) -> None:
    tools = root / "opt/vm"
    tools.mkdir(parents=True)
    shutil.copy(module, tools)
    shutil.copy(Path(__file__).with_name("vm_agent.py"), tools)
    (tools / "cpuinfo").write_text(_CPUINFO)
    for name, text in _UNITS.items():
        path = root / "etc/systemd/system" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "etc/fstab").write_text("/dev/vda / ext4 defaults,errors=remount-ro 0 1\n")
    (root / "etc/machine-id").write_text("")
    (root / "var/log/journal").mkdir(exist_ok=True)
    os.sync()
