"""All workers know the same tests, and take up the longest files first."""

import re
import subprocess
import sys

from tests.order import LONGEST

FILES = {"test_one_long.py": 1, "test_many.py": 12, "test_few.py": 3, "test_last_one.py": 1}
CONFTEST = """
from tests import order
order.LONGEST = ("test_one_long.py",)
from tests.conftest import pytest_collection_modifyitems, pytest_configure
"""


def test_each_file_of_the_list_is_there(request):
    missing = [file for file in LONGEST if not (request.config.rootpath / file).is_file()]
    assert missing == []
    assert len(set(LONGEST)) == len(LONGEST)


def test_a_later_collection_finds_the_same_tests(request):
    """Names that hold a time or follow a set's order differ between workers: then none runs."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=request.config.rootpath,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    collected = set(done.stdout.splitlines())
    assert [item.nodeid for item in request.session.items if item.nodeid not in collected] == []


def test_workers_take_the_longest_files_first_then_those_with_most_tests(tmp_path, request):
    for name, tests in FILES.items():
        (tmp_path / name).write_text("".join(f"def test_{n}(): pass\n" for n in range(tests)))
    (tmp_path / "conftest.py").write_text(CONFTEST)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-v", "-n", "1", "--dist", "loadfile"),
            *("-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)),
        ],
        cwd=request.config.rootpath,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    ran = re.findall(r"PASSED (?:\S+/)?(test_\w+\.py)::", done.stdout)
    assert list(dict.fromkeys(ran)) == [
        "test_one_long.py", "test_many.py", "test_few.py", "test_last_one.py",
    ]  # fmt: skip
