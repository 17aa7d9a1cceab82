"""The page's requests to the appliance, and the answers: records sent over a socket.

The page is a separate process, which opens no file of the state folder and loads no model. The
appliance answers these verbs (`edge.appliance.page_verbs`); `edge.page.client` sends them.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol, TypeAlias, TypeVar

import msgspec

from data.catalogue import YearRange
from data.domain import FILMS, Domain
from data.errors import GreenlightError
from data.films import Kind
from data.manifest import Manifest
from data.picks import Pick
from edge.appliance import (
    Approve,
    Explain,
    Narrow,
    Press,
    Rate,
    RetryRatings,
    Synchronise,
    Withdraw,
)
from edge.search.slate import Slate

# One request and one answer of the socket. The largest answer is a whole history as CSV.
MOST_REQUEST_BYTES = 256 * 1024
MOST_ANSWER_BYTES = 32 * 1024 * 1024
# How long the appliance holds a request for news before it answers that there are none.
NEWS_SECONDS = 25.0
LONGEST_COOKIE = 200
SESSION_SECONDS = 30 * 86_400
MOST_DIRECTORS_FOUND = 12
LONGEST_TYPED = 80

Found = TypeVar("Found")

# ---- what the page asks


class CheckSession(msgspec.Struct, frozen=True, tag_field="ask", tag="session"):
    """Whose session a cookie is: `SessionFound`."""


class SignIn(msgspec.Struct, frozen=True, tag_field="ask", tag="sign-in"):
    """Check a PIN: `SignInFound`.

    Attributes:
        address: where it was typed; wrong PINs are counted by address.
    """

    pin: str
    address: str


class AskToPair(msgspec.Struct, frozen=True, tag_field="ask", tag="pair"):
    """Ask to be signed in by the button: `PairingFound`.

    Attributes:
        address: of the browser that asks.
        secret: from an earlier answer; a browser that still waits goes on waiting.
    """

    address: str
    secret: str = ""


class LookAtPairing(msgspec.Struct, frozen=True, tag_field="ask", tag="pairing"):
    """Ask for the status of a browser that asked to be paired: `PairingFound`.

    Attributes:
        secret: which the browser was given.
    """

    secret: str


class ShowPin(msgspec.Struct, frozen=True, tag_field="ask", tag="pin"):
    """The PIN, for a browser that the button has signed in lately: `PinFound`.

    Attributes:
        new: make a new one first.
    """

    new: bool = False


class SignInByLink(msgspec.Struct, frozen=True, tag_field="ask", tag="link"):
    """Use a link that signs in once: `SignInFound`.

    Attributes:
        carried: what it carries.
        address: of the browser that came with it.
    """

    carried: str
    address: str


class SignOut(msgspec.Struct, frozen=True, tag_field="ask", tag="sign-out"):
    """End the session: `Done`."""


class ShowPick(msgspec.Struct, frozen=True, tag_field="ask", tag="pick"):
    """The newest pick: `PickFound`."""


class ShowSlate(msgspec.Struct, frozen=True, tag_field="ask", tag="slate"):
    """What the pick was chosen from, and what the next one will be: `SlateFound`.

    Attributes:
        typed: also find directors by this.
    """

    typed: str | None = None


class ShowHistory(msgspec.Struct, frozen=True, tag_field="ask", tag="history"):
    """The newest picks: `HistoryFound`."""

    most: int


class ExportHistory(msgspec.Struct, frozen=True, tag_field="ask", tag="csv"):
    """The whole history as CSV: `TextFound`."""


class ShowModel(msgspec.Struct, frozen=True, tag_field="ask", tag="model"):
    """The active model: `ModelFound`."""


class ReadReport(msgspec.Struct, frozen=True, tag_field="ask", tag="report"):
    """The active model's report, checked against its signature: `ReportFound`."""


class ShowHeader(msgspec.Struct, frozen=True, tag_field="ask", tag="header"):
    """What every page shows: `HeaderFound`."""


class ShowSync(msgspec.Struct, frozen=True, tag_field="ask", tag="sync"):
    """How ratings travel: `SyncFound`."""


class FindDirectors(msgspec.Struct, frozen=True, tag_field="ask", tag="directors"):
    """Directors by what was typed: `DirectorsFound`."""

    typed: str


class AwaitNews(msgspec.Struct, frozen=True, tag_field="ask", tag="news"):
    """Wait until there is news after this number, for `NEWS_SECONDS` at most: `News`."""

    after: int = -1


# The page may not use pins, change models or power off.
PageCommand: TypeAlias = (
    Press | Approve | Rate | Withdraw | Narrow | Synchronise | RetryRatings | Explain
)


class Execute(msgspec.Struct, frozen=True, tag_field="ask", tag="execute"):
    """Carry out a command: `Outcome`."""

    command: PageCommand


PageVerb: TypeAlias = (
    CheckSession
    | SignIn
    | AskToPair
    | LookAtPairing
    | ShowPin
    | SignInByLink
    | SignOut
    | ShowPick
    | ShowSlate
    | ShowHistory
    | ExportHistory
    | ShowModel
    | ReadReport
    | ShowHeader
    | ShowSync
    | FindDirectors
    | AwaitNews
    | Execute
)
# The verbs that need no session.
PUBLIC_VERBS = (CheckSession, SignIn, SignInByLink, AskToPair, LookAtPairing, AwaitNews)


class PageRequest(msgspec.Struct, frozen=True):
    """One line to the appliance.

    Attributes:
        cookie: of the session on whose behalf the page asks.
    """

    verb: PageVerb
    cookie: str = ""


class PageAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line from the appliance.

    Attributes:
        found: the record that the verb names.
        problem: why there is none, as a `Problem`'s kind.
        message: of the problem, for the owner.
    """

    found: msgspec.Raw = msgspec.Raw(b"null")
    problem: ProblemKind | None = None
    message: str = ""


# ---- what the page gets


class Done(msgspec.Struct, frozen=True):
    """It was done."""


class WebSession(msgspec.Struct, frozen=True):
    """One sign-in.

    Attributes:
        id: random; not a secret.
        token: what this session's forms carry, so that no other site can send them.
    """

    id: str
    token: str


class SessionFound(msgspec.Struct, frozen=True):
    """A cookie's session, if it is valid."""

    session: WebSession | None


class SignInFound(msgspec.Struct, frozen=True):
    """The result of checking a PIN.

    Attributes:
        cookie: of the new session; None if the PIN was wrong or wasn't checked.
        locked_seconds: until a PIN from this address is checked again; this one wasn't.
        busy: too many PINs are being tried at once; this one wasn't checked.
    """

    cookie: str | None = None
    locked_seconds: float = 0.0
    busy: bool = False


class PairingFound(msgspec.Struct, frozen=True):
    """The status of a browser that asked to be signed in by the button.

    Attributes:
        status: `closed`: the button has to open pairing first; `busy`: this address has to wait, or
            has asked too often; `waiting`: for its turn on the light; `shown`: the light blinks its
            digits; `ended`: without being paired; `paired`: it is signed in.
        digits: for the browser to show.
        secret: by which the browser asks again; empty if it is known.
        cookie: of the new session, if it is paired.
    """

    status: Literal["closed", "busy", "waiting", "shown", "ended", "paired"]
    digits: str = ""
    secret: str = ""
    cookie: str | None = None


class PinFound(msgspec.Struct, frozen=True):
    """The PIN.

    Attributes:
        pin: in two groups; None for a browser that may not see it (any more).
        cookie: of the session that takes the place of this one, if the PIN is new.
    """

    pin: str | None = None
    cookie: str | None = None


class ApplianceStatus(msgspec.Struct, frozen=True):
    """What the appliance is doing right now.

    Attributes:
        light: the phase's name in lower case, by which the page's style draws the light.
        says: what the light means, in words.
        attention: warnings, one sentence each.
        fault: why nothing works, or None.
        model_version: the active model's, or None without a model.
        demonstration: whether ratings may be drawn from the prediction.
        domain: what its models are about.
    """

    light: str
    says: str
    thing: str
    attention: tuple[str, ...] = ()
    fault: str | None = None
    model_version: int | None = None
    demonstration: bool = False
    domain: Domain = FILMS

    @property
    def searching(self) -> bool:
        """Whether a search is running."""
        return self.light == "searching"


class RejectedRating(msgspec.Struct, frozen=True):
    """A rating that the cloud rejected; it's kept, and not sent again.

    Attributes:
        stars: None if it withdraws a rating.
    """

    title: str
    director: str
    stars: int | None
    rating: float | None
    reason: str


class HeaderFound(msgspec.Struct, frozen=True):
    """What every page shows.

    Attributes:
        sync: what the sync service has reported.
        waiting: ratings not yet acknowledged.
        rejected: ratings that the cloud rejected.
    """

    status: ApplianceStatus
    sync: dict[str, Any]
    waiting: int
    rejected: tuple[RejectedRating, ...]


class PickRating(msgspec.Struct, frozen=True):
    """A rating and where it stands on its way to the cloud."""

    id: str
    stars: int
    source: str
    rated_at: str
    delivery: Literal["waiting", "stored", "quarantined"]
    rating: float | None = None
    corrections: int = 0


class WithdrawnRating(msgspec.Struct, frozen=True):
    """A rating that its owner took back."""

    id: str
    withdrawn_at: str
    delivery: Literal["waiting", "stored", "quarantined"]


class PickEntry(msgspec.Struct, frozen=True):
    """A pick, what was decided about it and how it was rated."""

    seq: int
    pick: Pick
    decision: str | None
    ratings: tuple[PickRating, ...]
    withdrawal: WithdrawnRating | None = None


class PickFound(msgspec.Struct, frozen=True):
    """The newest pick.

    Attributes:
        slate: the answer it came from, as it was stored; `stored_answer` reads it.
        awaiting: the films that await a rating.
    """

    header: HeaderFound
    entry: PickEntry | None
    slate: bytes | None
    awaiting: tuple[PickEntry, ...]


class DirectorFound(msgspec.Struct, frozen=True):
    """A director of the active model."""

    name: str
    films: int
    first_year: int
    last_year: int
    kinds: tuple[Kind, ...]


class DirectorsFound(msgspec.Struct, frozen=True):
    """The directors that match best, in a domain that may call them otherwise."""

    directors: tuple[DirectorFound, ...]
    domain: Domain = FILMS


class CatalogueSummary(msgspec.Struct, frozen=True):
    """What the form offers of the active model's catalogue.

    Attributes:
        directors: how many there are.
    """

    directors: int
    genres: tuple[str, ...]
    training_years: YearRange


class SlateFound(msgspec.Struct, frozen=True):
    """What the newest pick was chosen from, and what the next presses choose from.

    Attributes:
        slate: the answer, as it was stored.
        narrowing: None for 36 next films.
        found: directors, if some were asked for.
    """

    header: HeaderFound
    entry: PickEntry | None
    slate: bytes | None
    catalogue: CatalogueSummary | None
    narrowing: Slate | None
    found: tuple[DirectorFound, ...] | None


class HistoryFound(msgspec.Struct, frozen=True):
    """The newest picks, newest first."""

    header: HeaderFound
    entries: tuple[PickEntry, ...]


class SyncFound(msgspec.Struct, frozen=True):
    """How ratings travel; hours are in UTC, such as `2026-11-27T06`.

    Attributes:
        last_sent: when the cloud last acknowledged a rating.
        last_heard: when it last answered anything.
        sent: how many ratings were captured in one hour and acknowledged in another, over a day.
        waiting: how many of those that wait were captured in which hour.
    """

    header: HeaderFound
    last_sent: str | None
    last_heard: str | None
    sent: tuple[tuple[str, str, int], ...]
    waiting: tuple[tuple[str, int], ...]


class TextFound(msgspec.Struct, frozen=True):
    """A text."""

    text: str


class OwnRecord(msgspec.Struct, frozen=True):
    """How well the active model predicted the owner's own films.

    Attributes:
        films: that it picked and the owner rated.
        error: root mean square error of its predictions, in stars.
    """

    films: int
    error: float


class ModelEvent(msgspec.Struct, frozen=True):
    """The outcome of an offered model."""

    version: int
    outcome: Literal["activated", "refused", "rolled-back"]
    reason: str | None
    recorded_at: str


class ModelFound(msgspec.Struct, frozen=True):
    """The active model and the one before, by their manifests.

    Attributes:
        report: whether it came with one.
        events: the newest first.
    """

    header: HeaderFound
    active: Manifest | None
    previous: Manifest | None
    own: OwnRecord | None
    report: bool
    events: tuple[ModelEvent, ...]


class ReportFound(msgspec.Struct, frozen=True):
    """A report as it was signed; None if the model came without one."""

    content: bytes | None


class News(msgspec.Struct, frozen=True):
    """How many changes worth showing there have been."""

    number: int


# ---- what can go wrong

ProblemKind: TypeAlias = Literal[
    "signed out", "not allowed", "invalid", "busy", "journal", "report", "unreachable", "failed"
]


class Problem(GreenlightError):
    """The appliance didn't answer what was asked.

    Attributes:
        kind: why, for the page that says so.
    """

    def __init__(self, kind: ProblemKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class SignedOut(GreenlightError):
    """The session has ended: sign in again."""


class AppliancePort(Protocol):
    """The appliance as the page sees it."""

    async def ask(self, verb: PageVerb, found: type[Found], cookie: str = "") -> Found:
        """Return the record that a verb names; every wait has a deadline.

        Args:
            verb: what to ask.
            found: the class of the record.
            cookie: of the session on whose behalf the page asks.

        Raises:
            SignedOut: the verb needs a session, and the cookie has none.
            Problem: anything else.
        """
