"""A finished download appears atomically under its name, and no name leads elsewhere."""

from __future__ import annotations

import pytest

from edge.incoming import hand_over, incoming_folder, incoming_path


@pytest.mark.parametrize("name", ["", ".", "..", "../1", "a/b", "/etc", ".partial-1", "1\0"])
def test_only_plain_names_are_paths(tmp_path, name):
    with pytest.raises(ValueError, match="a plain name"):
        incoming_path(tmp_path, name)


def test_the_folder_is_shared_with_the_group(tmp_path):
    assert incoming_folder(tmp_path).stat().st_mode & 0o7777 == 0o2770
    assert incoming_folder(tmp_path) == incoming_folder(tmp_path)


def test_a_download_is_handed_over_under_its_name_and_replaces_an_older_one(tmp_path):
    for content in ("first", "second"):
        partial = incoming_folder(tmp_path) / ".partial-3"
        partial.mkdir()
        (partial / "manifest.json").write_text(content)
        final = hand_over(partial, tmp_path, "3")
        assert (final / "manifest.json").read_text() == content
        assert not partial.exists()
