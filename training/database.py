"""DuckDB, for tables too large for pandas: within a fixed memory, without the network.

The only module that knows DuckDB.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

Database = duckdb.DuckDBPyConnection
DatabaseError = duckdb.Error
# Beyond this DuckDB goes to disk; with its own overhead a run stays well within 2 GB.
_MEMORY_LIMIT = "900MB"
_THREADS = 2


def connect(scratch: Path, *, ordered: bool = False, memory_limit: str = _MEMORY_LIMIT) -> Database:
    """Return a database in memory that puts what does not fit into `scratch`.

    Args:
        scratch: a folder; it is the caller's to remove.
        ordered: whether rows without ORDER BY keep the order in which they were read.
        memory_limit: as DuckDB writes it.
    """
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "temp_directory": str(scratch),
        "threads": _THREADS,
        "preserve_insertion_order": ordered,
        # Nothing is loaded from the network, whatever the query says.
        "autoinstall_known_extensions": False,
    }
    return duckdb.connect(":memory:", config=settings)
