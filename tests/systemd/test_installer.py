"""The installer's scripts: sound shell, and clear messages when they can't work."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from data.signing import PUBLIC_SUFFIX
from edge import config
from lambdas.operator.devices import CONFIGURATION, PUBLIC_KEYS

ROOT = Path(__file__).parents[2]
INSTALL = ROOT / "systemd/install.sh"
SCRIPTS = sorted(path for path in (ROOT / "systemd").rglob("*.sh"))
LONGEST = 250
EXAMPLE = "greenlight.example.toml"


def install(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", INSTALL, *words],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_shellcheck_finds_nothing():
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed: apt install shellcheck")
    standing_alone = [path for path in SCRIPTS if path.parent.name != "steps"]
    done = subprocess.run(
        ["shellcheck", "--external-sources", "--source-path", ROOT, *standing_alone],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_stay_small(script):
    assert len(script.read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize("words", [[], ["instal"], ["uninstall", "--all"], ["connect"], ["lan"]])
def test_wrong_arguments_print_the_usage(words):
    if words[:1] in (["uninstall"], ["connect"], ["lan"]) and os.geteuid() != 0:
        pytest.skip("asks for root first")
    done = install(*words)
    assert done.returncode == 2
    assert "greenlight-setup uninstall [--purge]" in done.stderr


@pytest.mark.parametrize(
    ("architecture", "system", "word"),
    [
        ("armhf", 'ID=debian\nVERSION_ID="12"\n', "64-bit image"),
        ("riscv64", 'ID=debian\nVERSION_ID="13"\n', "not supported"),
        ("arm64", 'ID=debian\nVERSION_ID="11"\nPRETTY_NAME="Debian 11"\n', "Debian 11"),
        ("amd64", 'ID=ubuntu\nVERSION_ID="24.04"\nPRETTY_NAME="Ubuntu 24"\n', "Ubuntu 24"),
    ],
)
def test_an_unsupported_system_hears_what_is_supported(tmp_path, architecture, system, word):
    if os.geteuid() != 0 or shutil.which("dpkg") is None or shutil.which("systemctl") is None:
        pytest.skip("needs root, dpkg and systemctl")
    (tmp_path / "os-release").write_text(system)
    done = install(
        "install",
        GREENLIGHT_ARCHITECTURE=architecture,
        GREENLIGHT_OS_RELEASE=str(tmp_path / "os-release"),
    )
    assert done.returncode == 1
    assert word in done.stderr
    assert "Raspberry Pi OS 64-bit 12 (bookworm) or 13 (trixie)" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_root_it_says_so():
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("setpriv is not installed: apt install util-linux")
        command = ["setpriv", "--reuid=65534", "--clear-groups", "sh", str(INSTALL), "uninstall"]
    else:
        command = ["sh", str(INSTALL), "uninstall"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "sudo" in done.stderr


def test_connecting_takes_what_provisioning_writes():
    connection = (ROOT / "systemd/connection.py").read_text()
    assert f'CONFIGURATION = "{CONFIGURATION}"' in connection
    assert f'PUBLIC_KEYS = "{PUBLIC_KEYS}"' in connection
    # The appliance checks models with the same keys.
    owner = (ROOT / "systemd/steps/owner.sh").read_text()
    assert f'"$fresh/sync/{PUBLIC_KEYS}"' in owner
    assert f'"$2"/*{PUBLIC_SUFFIX}; do' in owner


def step(name: str, function: str, **environment: str) -> str:
    """Run one function of the installer's steps alone and return its output."""
    script = f'set -eu; . "{ROOT / "systemd/steps" / name}"; {function}'
    return subprocess.run(
        ["sh", "-c", script],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.parametrize(
    ("sudo", "users", "owner"),
    [
        ({"SUDO_USER": "eve"}, "ada:x:1000:1000::/home/ada:/bin/sh", "eve"),
        ({}, "ada:x:1000:1000::/home/ada:/bin/sh", "ada"),
        ({"SUDO_USER": "root"}, "ada:x:1000:1000::/home/ada:/bin/sh", "ada"),
        ({}, "", ""),
    ],
    ids=["by sudo", "on a flashed card", "by sudo of root", "nobody yet"],
)
def test_the_owner_of_the_machine_is_found(tmp_path, sudo, users, owner):
    getent = tmp_path / "getent"
    answer = f'echo "{users}"' if users else "exit 2"
    getent.write_text(f'#!/bin/sh\n[ "$*" = "passwd 1000" ] && {answer}\n')
    getent.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    assert step("system.sh", "whose_machine", PATH=path, **sudo).strip() == owner


def test_the_example_of_the_release_that_runs_is_beside_the_owners_settings(tmp_path):
    package = tmp_path / "current/lib/python3.13/site-packages/edge"
    package.mkdir(parents=True)
    config = tmp_path / "etc"
    config.mkdir()
    places = {"CURRENT": str(tmp_path / "current"), "CONFIG": str(config)}
    step("units.sh", "lay_example", **places)
    assert list(config.iterdir()) == [], "an older release may have none"
    for text in ((ROOT / "edge" / EXAMPLE).read_text(), "# of a newer release\n"):
        (package / EXAMPLE).write_text(text)
        step("units.sh", "lay_example", **places)
        assert (config / EXAMPLE).read_text() == text
    assert (config / EXAMPLE).stat().st_mode & 0o777 == 0o644


def provisioned(folder: Path, text: str) -> Path:
    """Return a folder like the one that provisioning writes, as far as connecting reads it."""
    (folder / PUBLIC_KEYS).mkdir(parents=True)
    (folder / CONFIGURATION).write_text(text)
    return folder


def test_connecting_gives_the_appliance_the_name_of_its_certificate(tmp_path, owner_step):
    settings = tmp_path / "greenlight.toml"
    for number, thing in enumerate(("Kitchen", "Kitchen", "the-2nd_room:A")):
        folder = provisioned(
            tmp_path / f"{number}", f'# For a Pi.\nthing = "{thing}"\nregion = "x"\n'
        )
        done = owner_step(tmp_path, f"connect_to_cloud {folder}")
        assert done.returncode == 0, done.stderr
        assert f"connected as {thing}" in done.stdout
        assert "systemctl try-restart greenlight.service" in done.stdout
        assert config.read(settings).thing == thing
        assert settings.read_text().count("thing") == 1, "connecting again changes nothing more"
        assert settings.stat().st_mode & 0o777 == 0o644


def test_connecting_leaves_the_owners_other_settings(tmp_path, owner_step):
    settings = tmp_path / "greenlight.toml"
    settings.write_text('button_pin = 5\n  thing="Before"\n# thing = "as explained"\n')
    assert owner_step(tmp_path, "show_on_lan on; show_on_lan on").returncode == 0
    folder = provisioned(tmp_path / "device", "thing = 'Kitchen' # the second\n")
    assert owner_step(tmp_path, f"connect_to_cloud {folder}").returncode == 0
    known = config.read(settings)
    assert (known.thing, known.button_pin, known.page_host) == ("Kitchen", 5, "::")
    assert known.page_names == ("greenlight.local",)


def socket_drop_in(folder: Path) -> str:
    return (folder / "drop-ins/greenlight-page.socket.d/address.conf").read_text()


def test_the_page_listens_where_the_owners_settings_say(tmp_path, owner_step):
    for settings, address, on_lan in (
        ("", "127.0.0.1:8080", False),
        ("page_port = 8181 # mine\npage_host = '127.0.0.1'\n", "127.0.0.1:8181", False),
        ('page_host="0.0.0.0"\n', "0.0.0.0:8080", True),
        ('page_host = "::" \n', "[::]:8080\nBindIPv6Only=both", True),
    ):
        (tmp_path / "greenlight.toml").write_text(settings)
        done = owner_step(tmp_path, "set_page_address")
        assert done.returncode == 0, done.stderr
        written = socket_drop_in(tmp_path)
        assert f"ListenStream=\nListenStream={address}\n" in written
        assert ("IPAddressAllow=" in written) == on_lan
        assert "Condition" not in written


def test_on_a_kernel_without_ipv6_the_lan_is_served_by_ipv4(tmp_path, owner_step):
    done = owner_step(tmp_path, f"IPV6={tmp_path}/none; show_on_lan on")
    assert done.returncode == 0, done.stderr
    written = socket_drop_in(tmp_path)
    assert "ListenStream=\nListenStream=0.0.0.0:8080\n" in written
    assert "BindIPv6Only" not in written


def test_a_page_that_the_owner_turned_off_is_not_started(tmp_path, owner_step):
    (tmp_path / "greenlight.toml").write_text("page = false\n")
    assert owner_step(tmp_path, "set_page_address").returncode == 0
    assert "ConditionPathExists=!/\n" in socket_drop_in(tmp_path)


@pytest.mark.parametrize("setting", ['page_host = "$(id)"', "page_port = 80;"])
def test_text_that_is_not_an_address_reaches_no_unit(tmp_path, owner_step, setting):
    (tmp_path / "greenlight.toml").write_text(f"{setting}\n")
    assert owner_step(tmp_path, "set_page_address").returncode == 1
    assert not (tmp_path / "drop-ins").exists()


def test_the_pages_key_is_shared_with_the_page_and_no_link_is_followed(tmp_path, owner_step):
    (tmp_path / "greenlight.toml").write_text('page_key = "page.key"\n')
    (tmp_path / "page.key").write_text("key")
    assert "chgrp greenlight-page" in owner_step(tmp_path, "set_page_address").stdout
    (tmp_path / "page.key").unlink()
    (tmp_path / "page.key").symlink_to("/etc/shadow")
    assert "chgrp" not in owner_step(tmp_path, "set_page_address").stdout


def test_a_folder_without_a_name_is_refused_before_anything_changes(tmp_path, owner_step):
    folder = provisioned(tmp_path / "device", 'region = "x"\n')
    done = owner_step(tmp_path, f"connect_to_cloud {folder}")
    assert (done.returncode, done.stdout) == (1, "")
    assert "names no thing" in done.stderr
    assert not (tmp_path / "sync").exists()


def test_cloud_init_runs_the_installer_that_a_release_holds():
    text = (ROOT / "systemd/image/user-data").read_text()
    assert text.startswith("#cloud-config\n")
    parsed = yaml.safe_load(text)
    assert parsed["hostname"] == "greenlight"
    ran = next(words for words in parsed["runcmd"] if "install" in words)
    script = next(Path(word) for word in ran if word.endswith("install.sh"))
    assert (ROOT / "systemd" / script.name) == INSTALL
    assert "users" not in parsed, "the user that Imager made can still log in"


def test_the_page_lists_the_exact_commands_to_add_to_imagers_file():
    page = (ROOT / "docs/appliance.md").read_text()
    (block,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    parsed = yaml.safe_load((ROOT / "systemd/image/user-data").read_text())
    assert yaml.safe_load(block) == {"runcmd": parsed["runcmd"]}
