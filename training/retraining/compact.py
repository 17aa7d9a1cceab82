"""Turns feedback objects into a training set with each rating once, however often it was sent.

The work folder contains `feedback/` (a ledger and Parquet shards, both append-only), `sets/` and
`rejects.csv`. A run processes the objects that the ledger doesn't record yet. It can be killed at
any time; the next run continues. To start over, remove the work folder.
"""

from __future__ import annotations

import csv
import fcntl
import hashlib
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import msgspec

from data import wire
from data.errors import InvalidRecord
from data.messages import Feedback
from training.dataset import load, rejects_path
from training.errors import TooManyBadRows, WorkFolderBusy
from training.progress import ProgressReporter, unreported
from training.retraining.ledger import Ledger
from training.retraining.objects import S3, FeedbackObjects, FolderObjects, Gone
from training.retraining.shards import HashedRating, shard_path, write_shard
from training.retraining.training_set import TrainingSet, write_set
from training.sources.options import ALLOWED_BAD_SHARE

# Changes when earlier shards can't be used any more: they record which ratings are held out, and
# since 3 which rating each one replaces.
_RATINGS = "ratings-3"
REJECTS = "rejects.csv"
OBJECTS_AT_ONCE = 20_000


def compact(
    feedback: str,
    films: Path,
    out: Path,
    *,
    include_simulated: bool = False,
    hold_out: bool = True,
    endpoint_url: str | None = None,
    allowed_bad_share: float = ALLOWED_BAD_SHARE,
    objects_at_once: int = OBJECTS_AT_ONCE,
    progress: ProgressReporter = unreported,
) -> TrainingSet:
    """Process new feedback objects, and return the training set of all of them.

    Args:
        feedback: a folder, or `s3://bucket/feedback/`.
        films: the film table, .csv or .tsv.
        out: the work folder.
        include_simulated: whether simulated ratings go into the set.
        hold_out: whether a tenth of the combinations never trains; False if those are kept
            elsewhere.
        endpoint_url: S3's endpoint, if it isn't AWS's own.
        allowed_bad_share: the largest accepted share of bad rows, and of bad objects.
        objects_at_once: how many are read, written to one shard and committed together.
        progress: called with each step's name and the share of the work done before it.

    Raises:
        SourceUnavailable: the film table or the objects cannot be read.
        TooManyBadRows: after the rejects have been written.
        WorkFolderBusy: another run is using `out`.
    """
    progress("read the table", 0.0)
    table = load(
        films.suffix.lower().lstrip("."),
        films,
        rejects=out / rejects_path(films).name,
        allowed_bad_share=allowed_bad_share,
    )
    objects = objects_at(feedback, endpoint_url)
    work = out / _RATINGS
    with ExitStack() as stack:
        scratch = stack.enter_context(_alone_in(work))
        ledger = stack.enter_context(closing(Ledger(work / "ledger.sqlite")))
        progress(f"list {objects.place}", 0.02)
        ledger.add(objects.keys())
        _take(objects, ledger, work, scratch, objects_at_once, progress)
        taken = ledger.count("objects"), ledger.count("ratings"), ledger.count("rejects")
        _write_rejects(out / REJECTS, ledger)
        _check_rejects(objects.place, taken[0], taken[2], allowed_bad_share, out / REJECTS)
        progress("write the training set", 0.8)
        shards = [shard_path(work, number) for number in ledger.shards()]
        return write_set(
            out / "sets",
            table,
            shards,
            include_simulated=include_simulated,
            hold_out=hold_out,
            taken=(taken[0], taken[0] - taken[1] - taken[2], taken[2]),
            scratch=scratch,
        )


@contextmanager
def _alone_in(work: Path) -> Iterator[Path]:
    """Lock the work folder for this process; yields an empty folder for temporary files."""
    work.mkdir(parents=True, exist_ok=True)
    with (work / ".lock").open("w") as lock:
        try:
            # The kernel releases it however this process ends.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WorkFolderBusy(
                f"{work.parent}: another run is using it; wait until it ends"
            ) from None
        scratch = work / ".scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        yield scratch
        shutil.rmtree(scratch, ignore_errors=True)


def _take(
    objects: FeedbackObjects,
    ledger: Ledger,
    work: Path,
    scratch: Path,
    at_once: int,
    progress: ProgressReporter,
) -> None:
    """Process all new objects, a shard at a time."""
    number = max(ledger.shards(), default=0) + 1
    whole = ledger.remaining()
    done = 0
    with ThreadPoolExecutor(objects.most_readers) as readers:
        while keys := ledger.untaken(at_once):
            progress(f"read {done:,} of {whole:,} new objects", 0.05 + 0.75 * done / whole)
            with ledger.transaction():
                fresh = list(_new_ratings(objects, keys, ledger, readers))
                if fresh:
                    write_shard(shard_path(work, number), fresh, scratch)
                    ledger.add_shard(number, len(fresh))
                    number += 1
                ledger.take(keys)
            done += len(keys)


def _new_ratings(
    objects: FeedbackObjects, keys: list[str], ledger: Ledger, readers: ThreadPoolExecutor
) -> Iterator[HashedRating]:
    """Yield the new ratings in some objects; record why others are rejected."""

    def read(key: str) -> bytes | Gone:
        try:
            return objects.read(key)
        except Gone as gone:
            return gone

    for key, content in zip(keys, readers.map(read, keys), strict=True):
        if isinstance(content, Gone):
            ledger.reject(key, f"cannot be read: {content}")
            continue
        try:
            record = wire.decode(content, Feedback)
        except InvalidRecord as error:
            ledger.reject(key, str(error))
            continue
        # Of the record, not its bytes: the same rating may have been written in another order.
        digest = hashlib.sha256(msgspec.json.encode(record, order="sorted"))
        new = ledger.is_new(record.id, digest.digest())
        if new:
            yield HashedRating(record, digest.hexdigest())
        elif new is None:
            ledger.reject(key, f"the id {record.id} was seen before with different content")


def _write_rejects(path: Path, ledger: Ledger) -> None:
    if not ledger.count("rejects"):
        path.unlink(missing_ok=True)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["object", "reason"])
        writer.writerows(ledger.rejects())


def _check_rejects(place: str, objects: int, rejects: int, allowed: float, path: Path) -> None:
    if rejects > allowed * objects:
        raise TooManyBadRows(
            f"{place}: {rejects:,} of {objects:,} objects aren't ratings "
            f"({rejects / objects:.1%}; {allowed:.0%} allowed: --allow-bad); see {path}"
        )


def objects_at(place: str, endpoint_url: str | None = None) -> FeedbackObjects:
    """Return the objects of a folder, or of `s3://bucket/prefix/`.

    Raises:
        SourceUnavailable: it doesn't exist.
    """
    if place.startswith(S3):
        from training.retraining.bucket import BucketObjects  # boto3 is slow to import

        return BucketObjects(place.removeprefix(S3), endpoint_url)
    return FolderObjects(Path(place))
