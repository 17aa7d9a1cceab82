"""Downloads IMDb's files, which are for personal, non-commercial use."""

from __future__ import annotations

import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from training.errors import SourceUnavailable
from training.progress import ProgressReporter
from training.sources import imdb

ADDRESS = "https://datasets.imdbws.com"
# The environment can name a mirror (or a test's server) instead.
ADDRESS_VARIABLE = "IMDB_DATASETS_URL"
_TIMEOUT_SECONDS = 30
_CHUNK_BYTES = 1 << 20


def download(folder: Path, progress: ProgressReporter) -> list[Path]:
    """Download the four files into a folder; existing ones are kept.

    A file appears complete or not at all.

    Returns:
        The files that were downloaded.

    Raises:
        SourceUnavailable: saying why the download failed, and what to do instead.
    """
    folder.mkdir(parents=True, exist_ok=True)
    address = os.environ.get(ADDRESS_VARIABLE, ADDRESS).rstrip("/")
    fetched = []
    for index, name in enumerate(imdb.FILES):
        if any((folder / f"{name}{suffix}").is_file() for suffix in imdb.SUFFIXES):
            continue
        target = folder / f"{name}.tsv.gz"
        part = target.with_suffix(".part")

        def show(done: float, name: str = name, index: int = index) -> None:
            progress(f"download {name}", (index + done) / len(imdb.FILES))

        try:
            _fetch(f"{address}/{target.name}", part, show)
        except (OSError, http.client.HTTPException) as error:
            part.unlink(missing_ok=True)
            raise SourceUnavailable(
                f"{address}/{target.name}: {_reason(error)}; fetch IMDb's files on a machine that "
                f"has a network, put them into {folder}, and leave --download out"
            ) from error
        part.replace(target)
        fetched.append(target)
    return fetched


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        return str(error.reason)
    return str(error)


def _fetch(url: str, path: Path, show: Callable[[float], None]) -> None:
    with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as reply, path.open("wb") as file:
        size = int(reply.headers.get("Content-Length") or 0)
        received = 0
        while chunk := reply.read(_CHUNK_BYTES):
            file.write(chunk)
            received += len(chunk)
            show(received / max(size, received))
    if received < size:
        raise http.client.IncompleteRead(b"", size - received)
