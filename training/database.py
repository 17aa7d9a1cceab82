"""DuckDB, for tables too large for pandas: with limited memory, and without the network.

The only module that uses DuckDB.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

Database = duckdb.DuckDBPyConnection
DatabaseError = duckdb.Error
# Beyond this, DuckDB spills to disk; with its own overhead, a run stays well below 2 GB.
_MEMORY_LIMIT = "900MB"
_THREADS = 2


def connect(scratch: Path, *, ordered: bool = False, memory_limit: str = _MEMORY_LIMIT) -> Database:
    """Return an in-memory database that spills to `scratch`.

    Args:
        scratch: a folder, which the caller removes.
        ordered: whether rows without ORDER BY keep the order in which they were read.
        memory_limit: in DuckDB's notation.
    """
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "temp_directory": str(scratch),
        "threads": _THREADS,
        "preserve_insertion_order": ordered,
        # No query can load anything from the network.
        "autoinstall_known_extensions": False,
    }
    return duckdb.connect(":memory:", config=settings)
