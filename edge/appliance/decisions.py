"""Records what the owner decides: approvals, ratings, requests to synchronise, the slate.

Everything is on disk when a method returns; if it raises, nothing has been changed. The running
appliance decides when each is allowed; while it is stopped, `execute_stopped` does what needs no
model.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from data.domain import FILMS, Domain
from data.durable import aside_name, replace_durably, sync_folder
from data.errors import GreenlightError, InvalidRecord
from data.films import MAX_STARS, MIN_STARS, stars_of
from data.ids import new_id
from data.messages import Feedback, Source, VerificationRequest
from data.picks import Pick
from edge.appliance.boot import boot_id, now, this_year
from edge.appliance.client import NotRunning
from edge.appliance.commands import (
    CommandRefused,
    Outcome,
    Rate,
    RefusalKind,
    RetryModel,
    StoppedCommand,
    Withdraw,
)
from edge.appliance.disk_space import Reserve
from edge.appliance.machine import Obstacle
from edge.appliance.state_folder import AlreadyRunning, check_is_state_folder, locked
from edge.config import Config
from edge.journal import (
    JOURNAL,
    AlreadyRated,
    ConflictingRecord,
    HistoryEntry,
    Journal,
    JournalFull,
    Rating,
    RatingChanged,
    TooManyCorrections,
    open_with_room,
)
from edge.models.active_domain import active_domain
from edge.models.store import ModelStore
from edge.search.slate import InvalidSlate, Slate

if TYPE_CHECKING:
    from edge.search.model import Model

# A request to synchronise also verifies this many of the newest picks.
_VERIFIED_PICKS = 20
SLATE_FILE = "slate.json"


class SlateDamaged(GreenlightError):
    """The saved slate could not be read, and was set aside."""


class Write(Protocol):
    """Carries out a write to the journal."""

    def __call__(self, action: Callable[[], object], *, is_rating: bool = False) -> object:
        """Carry out the write, making room for it if needed."""


class Decisions:
    """Writes the owner's decisions into the journal.

    Args:
        write: carries out the writes.
    """

    def __init__(self, journal: Journal, config: Config, write: Write) -> None:
        self._journal = journal
        self._config = config
        self._write = write

    def approve(self, waiting: Pick | None, pick_id: str | None) -> Outcome:
        """Approve the waiting pick, if it is still the one the owner saw.

        Raises:
            CommandRefused, JournalError: nothing has been written.
        """
        if waiting is None:
            raise CommandRefused(RefusalKind.NOT_NOW, Obstacle.NO_PICK.value)
        if pick_id not in (None, waiting.id):
            raise CommandRefused(RefusalKind.NOT_NOW, "a newer pick is waiting now; look again")
        self._write(lambda: self._journal.record_decision(waiting.id, "approved", now()))
        domain = self._domain()
        named = domain.shown_title(waiting.title, waiting.director)
        what = "STARS" if domain == FILMS else domain.outcome.unit.upper() or "NUMBER"
        message = f"approved: {named}; rate it with `greenlight rate {what}`"
        return Outcome(ok=True, message=message, pick=waiting)

    def rate(self, command: Rate) -> Outcome:
        """Record a rating or a correction, with the row that the sync service sends.

        Raises:
            CommandRefused, AlreadyRated, JournalError: nothing has been written.
        """
        if command.correct and command.simulated:
            why = self._domain().say("a correction is the owner's: give the stars")
            raise CommandRefused(RefusalKind.INVALID, why, "simulated")
        entry = self._film_to_rate(command.pick_id, correct=command.correct)
        stars = self._drawn_stars(entry) if command.simulated else command.stars
        if stars is None or not MIN_STARS <= stars <= MAX_STARS:
            scale = self._domain().outcome
            why = f"give {scale.low:g} to {scale.high:g} {scale.unit}".rstrip()
            raise CommandRefused(RefusalKind.INVALID, why, "stars")
        source: Source = "simulated" if command.simulated else "owner"
        replaces = self._corrected(entry, command) if command.correct else None
        if replaces is None and source == "owner":
            self._refuse_rated(entry)
            replaces = entry.withdrawal.id if entry.withdrawal else None
        feedback = self._record(entry, stars, source, replaces)
        domain = self._domain()
        given = domain.given_outcome(stars_of(stars), feedback.rating)
        what = "corrected" if command.correct else "rated"
        message = f"{what}: {self._named(entry)}, {given}{domain.plain_unit} ({source})"
        return Outcome(ok=True, message=message, feedback=feedback)

    def withdraw(self, command: Withdraw) -> Outcome:
        """Record that the owner takes a rating back, with the row that the sync service sends.

        Raises:
            CommandRefused, JournalError: nothing has been written.
        """
        entry = self._film_to_rate(command.pick_id)
        given = self._given(entry, command.rating_id)
        if given is None:
            before = "was withdrawn before" if entry.withdrawal else "has not been rated"
            why = f"{self._named(entry)} {before}; there is nothing to withdraw"
            raise CommandRefused(RefusalKind.NOT_NOW, why)
        feedback = self._record(entry, None, "owner", given.id)
        message = f"withdrawn: the rating of {self._named(entry)}; no model will learn from it"
        return Outcome(ok=True, message=message, feedback=feedback)

    def _record(
        self, entry: HistoryEntry, stars: float | None, source: Source, replaces: str | None
    ) -> Feedback:
        feedback = Feedback.on(
            entry.pick,
            stars,
            thing=self._config.thing,
            source=source,
            rated_at=now(),
            boot_id=boot_id(),
            replaces=replaces,
            domain=self._domain(),
        )
        self._write(lambda: self._journal.record_rating(feedback), is_rating=True)
        return feedback

    def _corrected(self, entry: HistoryEntry, command: Rate) -> str:
        """Return the id of the rating to correct.

        Raises:
            CommandRefused: there is none, or it's the same already.
        """
        given = self._given(entry, command.rating_id)
        if given is None:
            if entry.withdrawal is not None:
                if command.rating_id not in (None, entry.withdrawal.id):
                    raise self._changed(entry)
                return entry.withdrawal.id
            why = f"{self._named(entry)} has no rating of yours, so there is nothing to correct"
            raise CommandRefused(RefusalKind.NOT_NOW, why)
        if command.stars == (given.stars if given.rating is None else given.rating):
            why = f"{self._named(entry)} has this rating already"
            raise CommandRefused(RefusalKind.NOT_NOW, why)
        return given.id

    def _refuse_rated(self, entry: HistoryEntry) -> None:
        given = self._given(entry, None)
        if given is None:
            return
        stars = self._domain().given_outcome(given.stars, given.rating)
        how = f"`greenlight rate NUMBER --correct --pick {entry.pick.id}`, or on the page"
        raise AlreadyRated(f"{self._named(entry)}: already rated {stars}; correct it with {how}")

    def _given(self, entry: HistoryEntry, seen: str | None) -> Rating | None:
        """Return the owner's rating of a film, if it's still the one that the owner saw."""
        given = next((one for one in entry.ratings if one.source == "owner"), None)
        if given is not None and seen not in (None, given.id):
            raise self._changed(entry)
        return given

    def _changed(self, entry: HistoryEntry) -> CommandRefused:
        why = f"the rating of {self._named(entry)} was changed meanwhile; look again"
        return CommandRefused(RefusalKind.NOT_NOW, why)

    def _named(self, entry: HistoryEntry) -> str:
        return self._domain().shown_title(entry.pick.title, entry.pick.director)

    def _domain(self) -> Domain:
        return active_domain(self._config.state)

    def synchronise(self, model_hash: str) -> Outcome:
        """Ask the sync service to synchronise, and to verify the newest picks of this model.

        Raises:
            JournalError: nothing has been written.
        """
        picks = [entry.pick for entry in self._journal.history(_VERIFIED_PICKS)]
        mine = [pick for pick in picks if pick.model_hash == model_hash]
        rows = tuple(pick.combination for pick in mine)
        scores = tuple(pick.prediction.expected for pick in mine)
        request = VerificationRequest(new_id(), model_hash, rows) if mine else None
        self._write(lambda: self._journal.request_sync(new_id(), request, scores))
        return Outcome(ok=True, message="asked the sync service to synchronise and verify now")

    def retry_model(self, store: ModelStore) -> Outcome:
        """Offer the newest quarantined model again.

        Raises:
            CommandRefused, JournalError: it can't be offered.
        """
        from data.bundle import BundleRefused
        from edge.models.activation import Refused
        from edge.models.active import NothingQuarantined, retry
        from edge.models.store import StoreDamaged

        try:
            version = retry(self._config.state, store, self._journal, self._config.public_keys)
        except NothingQuarantined as error:
            raise CommandRefused(RefusalKind.NOT_NOW, str(error)) from error
        except (Refused, BundleRefused, StoreDamaged, OSError) as error:
            raise CommandRefused(RefusalKind.FAILED, str(error)) from error
        return Outcome(ok=True, message=f"model version {version} will be tried again")

    def retry_ratings(self) -> Outcome:
        """Let every rating that the cloud rejected wait to be sent again.

        Raises:
            JournalError: nothing has been written.
        """
        retried = 0

        def retry() -> None:
            nonlocal retried
            retried = self._journal.retry_quarantined()

        self._write(retry)
        return Outcome(ok=True, message=f"ratings to be sent again: {retried}")

    def narrow(self, slate: Slate | None, model: Model | None) -> Outcome:
        """Use a slate for all further presses, if it leaves anything to choose from.

        Raises:
            CommandRefused: the old slate stays in use.
        """
        # Loads numpy, which nothing else here needs.
        from edge.search.domain_slate import in_domain
        from edge.search.resolve import nothing_matches, resolve

        if slate is not None and model is not None:
            try:
                today = this_year()
                adapted = in_domain(slate, model.domain)
                if not resolve(adapted, model.index, random.Random(0), today=today).size:
                    raise nothing_matches(slate, model, today=today)
            except InvalidSlate as error:
                raise CommandRefused(RefusalKind.INVALID, str(error)) from error
        try:
            keep_slate(self._config.state, slate)
        except OSError as error:
            why = f"the slate can't be saved: {error.strerror}"
            raise CommandRefused(RefusalKind.FAILED, why) from error
        return Outcome(ok=True, message="the slate was changed")

    def _film_to_rate(self, pick_id: str | None, *, correct: bool = False) -> HistoryEntry:
        if pick_id is None and correct:
            why = "say which rating to correct: `greenlight history --csv` lists the picks' ids"
            raise CommandRefused(RefusalKind.INVALID, why, "pick_id")
        if pick_id is None:
            unrated = self._journal.awaiting_rating()
            if unrated:
                return unrated[0]
            thing = self._domain().words.thing
            why = f"no approved {thing} is waiting for a rating; approve a pick first"
            raise CommandRefused(RefusalKind.NOT_NOW, why)
        entry = self._journal.find_pick(pick_id)
        if entry is None:
            why = f"there is no pick {pick_id[:60]!r}; `greenlight history` lists them"
            raise CommandRefused(RefusalKind.NOT_NOW, why)
        if entry.decision != "approved":
            named = self._named(entry)
            why = f"{named} was not approved, so there is nothing to rate; approve it first"
            raise CommandRefused(RefusalKind.NOT_NOW, why)
        return entry

    def _drawn_stars(self, entry: HistoryEntry) -> int:
        if not self._config.demonstration:
            why = "simulated ratings need `demonstration = true` in the configuration"
            raise CommandRefused(RefusalKind.INVALID, why)
        weights = entry.pick.prediction.probabilities
        return random.SystemRandom().choices(range(MIN_STARS, MAX_STARS + 1), weights)[0]


def refused(error: GreenlightError) -> Outcome:
    """Return the outcome of a command that ended in this error."""
    match error:
        case CommandRefused():
            return Outcome.refused(error.kind, str(error), error.field)
        case AlreadyRated() | RatingChanged() | TooManyCorrections() | ConflictingRecord():
            return Outcome.refused(RefusalKind.NOT_NOW, str(error))
        case InvalidRecord():
            return Outcome.refused(RefusalKind.INVALID, str(error), error.field)
    return Outcome.refused(RefusalKind.FAILED, str(error))


def execute_stopped(config: Config, command: StoppedCommand) -> Outcome:
    """Carry out a command while no appliance is running, holding the lock so that none can start.

    Raises:
        NotRunning: another process holds the state folder's lock.
        NoState, JournalError: the state folder or the journal can't be used.
    """
    try:
        return _execute_locked(config, command)
    except AlreadyRunning as error:
        why = f"the appliance in {config.state} is starting or stopping; try again in a moment"
        raise NotRunning(why) from error


def _execute_locked(config: Config, command: StoppedCommand) -> Outcome:
    check_is_state_folder(config.state)
    reserve = Reserve(config.state)

    def make_room() -> bool:
        return isinstance(command, Rate | Withdraw) and reserve.release()

    def write(action: Callable[[], object], *, is_rating: bool = False) -> object:
        try:
            return action()
        except JournalFull:
            if not make_room():
                raise
            return action()

    with (
        locked(config.state),
        open_with_room(config.state / JOURNAL, make_room) as journal,
    ):
        decisions = Decisions(journal, config, write)
        try:
            if isinstance(command, Rate):
                return decisions.rate(command)
            if isinstance(command, Withdraw):
                return decisions.withdraw(command)
            if isinstance(command, RetryModel):
                return decisions.retry_model(ModelStore(config.state))
            return decisions.approve(journal.waiting_pick(), command.pick_id)
        except GreenlightError as error:
            return refused(error)


def keep_slate(state: Path, slate: Slate | None) -> None:
    """Save the slate durably; None removes it.

    Raises:
        OSError: it can't be written; the old one is still there.
    """
    path = state / SLATE_FILE
    if slate is None:
        path.unlink(missing_ok=True)
        sync_folder(state)
    else:
        replace_durably(path, msgspec.json.encode(slate))


def kept_slate(state: Path) -> Slate | None:
    """Return the saved slate, or None.

    Raises:
        SlateDamaged: it was set aside; the usual slate is used.
    """
    path = state / SLATE_FILE
    try:
        kept = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return msgspec.json.decode(kept, type=Slate)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        aside = aside_name(path)
        path.rename(aside)
        raise SlateDamaged(
            f"the narrowed slate was damaged and is now in {aside.name}; narrow it again"
        ) from error
