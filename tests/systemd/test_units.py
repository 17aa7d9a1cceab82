"""The units, without booting: valid, hardened, and consistent with the software they start."""

import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from cloud_sync.cli import DEFAULT_CONFIG
from data import limits
from data.exits import Exit
from edge.config import DEFAULT_PATH, Config

ROOT = Path(__file__).parents[2]
SYSTEMD = ROOT / "systemd"
SERVICES = sorted(SYSTEMD.glob("*.service"))
UNITS = sorted(
    [*SERVICES, *SYSTEMD.glob("*.target"), *SYSTEMD.glob("*.path"), *SYSTEMD.glob("*.socket")]
)
# The tool counts in tenths: 1.2, where an unprotected service has 9.6.
THRESHOLD = 12
STATE = str(Config().state)


def read(unit: Path) -> ConfigParser:
    parser = ConfigParser(strict=False, interpolation=None, delimiters=("=",), comment_prefixes="#")
    parser.optionxform = str
    parser.read(unit)
    return parser


def lines(unit: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit.read_text(), re.MULTILINE)


def setting(name: str, key: str) -> str:
    return lines(SYSTEMD / name, key)[-1]


def environment(name: str) -> dict[str, str]:
    words = " ".join(lines(SYSTEMD / name, "Environment")).split()
    return dict(word.split("=", 1) for word in words)


def table(name: str) -> dict[str, list[str]]:
    rows = (line.split() for line in (SYSTEMD / name).read_text().splitlines())
    return {row[1]: row for row in rows if row and not row[0].startswith("#")}


@pytest.fixture(scope="session")
def analyze() -> str:
    path = shutil.which("systemd-analyze")
    if path is None:
        pytest.skip("systemd-analyze is not installed: apt install systemd")
    return path


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as they would be with the software at a path that exists."""
    program = tmp_path / "bin"
    program.mkdir()
    for name in ("greenlight", "greenlight-sync"):
        (program / name).symlink_to("/bin/true")
    units = tmp_path / "units"
    units.mkdir()
    for unit in UNITS:
        text = unit.read_text().replace("/opt/greenlight/current/bin", str(program))
        (units / unit.name).write_text(text)
    return units


def test_systemd_finds_nothing_wrong(analyze, installed):
    files = [str(unit) for unit in sorted(installed.iterdir())]
    done = subprocess.run([analyze, "verify", *files], capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "greenlight" in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_each_service_is_sandboxed(analyze, unit):
    done = subprocess.run(
        [analyze, "security", "--offline=true", f"--threshold={THRESHOLD}", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        env={"SYSTEMD_PAGER": "cat", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
    )
    assert done.returncode == 0, done.stdout.splitlines()[-1]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_nothing_waits_for_network_or_clock(unit):
    words = read(unit)["Unit"]
    waits = " ".join(words.get(key, "") for key in ("After", "Requires", "Wants", "BindsTo"))
    assert not re.search(r"network|time|remote|nss", waits)


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_each_service_is_watched_restarted_and_limited(unit):
    service = read(unit)["Service"]
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) > 0
    assert service["Restart"] == "on-failure"
    assert {"MemoryMax", "CPUQuota", "TasksMax"} <= set(service)
    limits = read(unit)["Unit"]
    if unit.name == "greenlight-page.service":
        # Someone who can make it fail must not be able to keep the owner out.
        assert limits["StartLimitIntervalSec"] == "0"
    else:
        assert int(limits["StartLimitBurst"]) > 0
    assert int(service["LogRateLimitBurst"]) <= 500


def test_an_exit_that_a_restart_cannot_fix_is_left_alone():
    forever = {Exit.USAGE, Exit.JOURNAL_TOO_NEW, Exit.CONFIGURATION}
    given = setting("greenlight.service", "RestartPreventExitStatus").split()
    assert {int(code) for code in given} == {int(code) for code in forever}


def test_sync_service_names_its_own_exit_codes():
    codes = setting("greenlight-sync.service", "RestartPreventExitStatus").split()
    assert str(int(Exit.CONFIGURATION)) in codes


def test_state_folder_is_where_the_software_looks_for_it():
    rows = table("tmpfiles.d/greenlight.conf")
    assert rows[STATE][2:5] == ["2770", "greenlight", "greenlight"]
    below = [path for path in rows if path.startswith(f"{STATE}/")]
    assert below == [], "root stays out of a folder that a service may write"
    for name in ("greenlight.service", "greenlight-sync.service"):
        assert STATE in setting(name, "ReadWritePaths").split()
        assert setting(name, "UMask") == "0007"


def test_configuration_is_where_the_software_looks_for_it():
    rows = table("tmpfiles.d/greenlight.conf")
    assert str(DEFAULT_PATH.parent) in rows
    assert str(Config().public_keys) in rows


def test_the_appliance_never_sees_the_certificates():
    folder = Path(setting("greenlight-sync.service", "ConditionPathExists")).parent
    assert setting("greenlight.service", "InaccessiblePaths") == f"-{folder}"
    # The command that an operator types reads the very file that the unit waits for.
    assert folder / "sync.toml" == DEFAULT_CONFIG
    assert setting("greenlight-sync.service", "ExecStart").endswith("/greenlight-sync run")


def test_the_page_reaches_nothing_but_the_appliances_socket():
    page = read(SYSTEMD / "greenlight-page.service")["Service"]
    assert (page["User"], page["Group"]) == ("greenlight-page", "greenlight-page")
    assert STATE in page["InaccessiblePaths"].split()
    assert page["RestrictAddressFamilies"] == "AF_UNIX"
    assert page["PrivateNetwork"] == "yes"
    assert "ReadWritePaths" not in page
    users = (SYSTEMD / "sysusers.d/greenlight.conf").read_text()
    assert re.search(r"^u +greenlight-page ", users, re.MULTILINE)
    assert not re.search(r"^m +greenlight-page ", users, re.MULTILINE), "in no group of ours"
    # Where it asks is where the appliance answers, and only these two get that far.
    asked = environment("greenlight-page.service")["GREENLIGHT_PAGE_SOCKET"]
    answers = environment("greenlight.service")
    assert answers["GREENLIGHT_PAGE_SOCKET"] == asked
    assert answers["GREENLIGHT_PAGE_USER"] == page["User"]
    folder = table("tmpfiles.d/greenlight.conf")[str(Path(asked).parent)]
    assert folder[2:5] == ["0750", "greenlight", "greenlight-page"]
    assert str(Path(asked).parent) in setting("greenlight.service", "ReadWritePaths").split()


def test_the_appliance_has_no_network():
    assert setting("greenlight.service", "PrivateNetwork") == "yes"
    assert lines(SYSTEMD / "greenlight.service", "RestrictAddressFamilies") == ["AF_UNIX"]


def test_the_page_is_open_to_this_machine_only_unless_the_owner_says_so():
    socket = SYSTEMD / "greenlight-page.socket"
    default = f"{Config().page_host}:{Config().page_port}"
    assert lines(socket, "ListenStream") == [default]
    assert lines(socket, "IPAddressDeny") == ["any"]
    assert lines(socket, "IPAddressAllow") == ["localhost"]


def test_two_users_of_one_group():
    users = (SYSTEMD / "sysusers.d/greenlight.conf").read_text()
    assert re.search(r"^u +greenlight ", users, re.MULTILINE)
    assert re.search(r"^u +greenlight-sync ", users, re.MULTILINE)
    assert re.search(r"^m +greenlight-sync +greenlight$", users, re.MULTILINE)
    assert setting("greenlight-sync.service", "Group") == "greenlight"


def test_pins_are_reached_and_no_other_device():
    unit = SYSTEMD / "greenlight.service"
    assert lines(unit, "DeviceAllow") == ["char-gpiochip rw"]
    assert setting(unit.name, "DevicePolicy") == "closed"
    assert not lines(unit, "PrivateDevices")
    # lgpio makes its pipes in LG_WD.
    assert environment(unit.name)["LG_WD"] in setting(unit.name, "ReadWritePaths").split()


def test_the_file_that_switches_off_is_the_one_that_is_watched():
    asked = environment("greenlight.service")["GREENLIGHT_POWER_OFF"]
    assert setting("greenlight-poweroff.path", "PathExists") == asked
    assert setting("greenlight-poweroff.path", "Unit") == "poweroff.target"
    folder = table("tmpfiles.d/greenlight.conf")[str(Path(asked).parent)]
    assert folder[2:5] == ["0750", "greenlight", "greenlight"], "nobody else may write it"


def test_a_new_model_may_be_tried_within_the_memory_limit():
    limit = int(setting("greenlight.service", "MemoryMax").removesuffix("M")) << 20
    assert Config().trial_memory_bytes < limit
    high = int(setting("greenlight.service", "MemoryHigh").removesuffix("M")) << 20
    assert high == limits.MEMORY_BUDGET_BYTES


def test_two_of_the_largest_models_fit_into_the_memory_budget():
    largest = limits.RESIDENT_PER_BUNDLE_BYTE * limits.MAX_BUNDLE_BYTES
    assert 2 * (limits.PROCESS_BYTES + largest) <= limits.MEMORY_BUDGET_BYTES
    assert max(limits.MAX_MODEL_BYTES, limits.MAX_BUNDLE_FILE_BYTES) < limits.MAX_BUNDLE_BYTES


def test_a_stop_takes_less_time_than_systemd_allows():
    from cloud_sync.service import _STOP_SECONDS

    assert int(setting("greenlight-sync.service", "TimeoutStopSec")) > 2 * _STOP_SECONDS
