"""Secrets are written whole, and nobody else may read them at any time."""

import pytest

from data.durable import write_secret


@pytest.mark.parametrize("before", [None, "name.pem", ".name.pem.new"])
def test_only_this_user_may_read_a_secret_whatever_lay_there_before(tmp_path, before):
    if before:
        (tmp_path / before).write_bytes(b"open to all, and longer than the secret")
        (tmp_path / before).chmod(0o644)
    path = tmp_path / "name.pem"
    write_secret(path, b"secret")
    assert path.read_bytes() == b"secret"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_that_cannot_be_written_changes_nothing(tmp_path):
    folder = tmp_path / "name.pem"
    folder.mkdir()
    with pytest.raises(OSError, match=r"name\.pem"):
        write_secret(folder, b"secret")
    assert list(tmp_path.iterdir()) == [folder], "no secret is left under another name"
