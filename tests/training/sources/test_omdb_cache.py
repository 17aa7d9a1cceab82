"""OMDb's replies are stored, so that no film is looked up twice."""

import pytest

from training.errors import SourceUnavailable
from training.sources import omdb_cache


def test_a_file_that_is_not_a_cache_is_named(tmp_path):
    (tmp_path / "cache.db").write_bytes(b"not a database, far from it" * 100)
    with pytest.raises(SourceUnavailable, match=r"cache\.db.*move it away"):
        omdb_cache.Cache(tmp_path / "cache.db")
