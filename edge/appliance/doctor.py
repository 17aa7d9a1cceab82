"""Examines the appliance part by part: what was found, and what to do about it.

Changes nothing, apart from writing and removing a file to test the disk, and asking the sync
service through the journal whether it's running.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data import limits
from data.errors import GreenlightError
from data.findings import Finding
from edge.appliance import client
from edge.appliance.silence import silent_since
from edge.appliance.state_folder import NoState, check_is_state_folder, is_locked
from edge.appliance.storage import StorageFailed, check_writable, probe
from edge.config import Config
from edge.freshness import days_without_news, no_news
from edge.journal import JOURNAL, ON_ANOTHER_BOARD
from edge.local_time import local_time
from edge.service import APPLIANCE, SYNC, how_to_restart, how_to_start, is_installed

if TYPE_CHECKING:
    from data.bundle import Bundle
    from edge.journal import Journal

_LOW_DISK_BYTES = 100_000_000
# The sync service looks into the journal every second.
_ANSWER_SECONDS, _LOOK_SECONDS = 10.0, 0.1
# Presses played to see the model search.
_PRESS_SECONDS = 0.5


def examine(config: Config, *, simulate: bool) -> list[Finding]:
    """Examine every part of the appliance, running or not."""
    running: dict[str, Any] | None = None
    unheard = ""
    try:
        answer = client.ask(config.state, "status")
        # It runs but can't report: its journal may be failing, and the files say more.
        running, unheard = (answer, "") if answer["ok"] else (None, answer["error"])
    except client.NotRunning:
        pass
    except client.NotAllowed as error:
        # Nothing else is examined: this user may not read the files either.
        return [Finding("access", False, error.found, error.way_in)]
    except client.NoAnswer as error:
        unheard = str(error)
    checks: list[Callable[[], Iterator[Finding]]] = [
        lambda: _appliance(config, running, unheard),
        lambda: _pins(config, simulate=simulate, in_use=running is not None or bool(unheard)),
        lambda: _disk(config),
        _clock,
        lambda: _keys(config),
        lambda: _model(config),
        lambda: _journal(config, running),
    ]
    return [finding for check in checks for finding in check()]


def _appliance(config: Config, running: dict[str, Any] | None, unheard: str) -> Iterator[Finding]:
    if unheard:
        fix = f"why: `journalctl -u {APPLIANCE} -b`; `sudo systemctl restart {APPLIANCE}`"
        yield Finding("appliance", False, unheard, fix)
        return
    if running is None and is_locked(config.state):
        found = "locks its folder but doesn't answer: it is starting or stopping, or it hangs"
        fix = f"look again in a minute; if it still doesn't answer, {how_to_restart(config.state)}"
        yield Finding("appliance", False, found, fix)
        return
    if running is None:
        # On a device it should be running; elsewhere that's up to the user.
        expected = is_installed(config.state)
        yield Finding("appliance", not expected, "not running", how_to_start(config.state))
        return
    fix = f"once the cause is gone, {how_to_restart(config.state)}" if running["fault"] else ""
    yield Finding("appliance", not running["fault"], running["fault"] or running["phase"], fix)
    for warning in running["warnings"]:
        since = warning["since"][:16].replace("T", " ")
        found = f"{warning['sentence']} (since {since} UTC)"
        yield Finding("attention", False, found, "once read: `greenlight status --seen`")


def _pins(config: Config, *, simulate: bool, in_use: bool) -> Iterator[Finding]:
    from edge.panel.hardware import Hardware, NoGpio

    if in_use:
        yield Finding("pins", True, "in use by the running appliance")
    elif simulate:
        yield Finding("pins", True, "simulated")
    else:
        try:
            Hardware(config, lambda down, at: None, simulate=False).close()
        except NoGpio as error:
            yield Finding("pins", False, str(error), "check wiring, lgpio and the group gpio")
        else:
            yield Finding("pins", True, f"GPIO {config.button_pin} and {config.led_pin} are free")


def _disk(config: Config) -> Iterator[Finding]:
    if not config.state.is_dir():
        makes = "sudo greenlight-setup install" if is_installed(config.state) else "greenlight run"
        yield Finding("disk", False, f"{config.state} doesn't exist", f"`{makes}` creates it")
        return
    try:
        check_is_state_folder(config.state)
    except NoState as error:
        if error.__cause__ is None:
            # Nothing is written into a folder of someone else's.
            yield Finding("disk", False, str(error), "name the appliance's folder, or an empty one")
            return
    try:
        check_writable(config.state)
        probe(config.state)
    except StorageFailed as error:
        yield Finding("disk", False, str(error), "back up what is readable first")
        return
    except PermissionError:
        tried = ""
    else:
        tried = ", written, synced and read back"
    free = shutil.disk_usage(config.state).free
    fix = "free some space, old logs first (`journalctl --vacuum-size=50M`)"
    low = free < _LOW_DISK_BYTES
    yield Finding("disk", not low, f"{free / 1e6:,.0f} MB free{tried}", fix if low else "")
    for aside in sorted(config.state.glob("**/*.damaged-*")):
        if not aside.name.startswith(JOURNAL):
            fix = "copy it elsewhere if you want to examine it, then delete it"
            yield Finding("set aside", False, str(aside), fix)
    for aside in sorted(config.state.glob("journal-of-failed-upgrade-*")):
        fix = "it holds the ratings between upgrade and rollback; copy it elsewhere, then delete it"
        yield Finding("set aside", False, str(aside), fix)


def _clock() -> Iterator[Finding]:
    now = time.localtime(time.time())
    wrong = now.tm_year < limits.EARLIEST_CLOCK_YEAR
    fix = "connect to a network: scoring needs no clock, but TLS does" if wrong else ""
    yield Finding("clock", not wrong, time.strftime("%Y-%m-%d %H:%M:%S %Z", now), fix)


def _keys(config: Config) -> Iterator[Finding]:
    from data.bundle import BundleRefused
    from data.signing import KeyUnusable
    from data.trust import read_trust
    from edge.models.store import TRUST

    try:
        trust = read_trust(config.public_keys, config.state / TRUST)
        trust.refuse_if_expired(datetime.now(UTC))
    except KeyUnusable as error:
        yield Finding("trusted keys", False, str(error), "put an Ed25519 public key in PEM there")
        return
    except BundleRefused as error:
        fix = "publish its next version: `greenlight-cloud trust publish`"
        yield Finding("trusted keys", False, str(error), fix)
        return
    fix = f"put <name>.pub.pem files into {config.public_keys}" if not trust.new else ""
    found = trust.describe() or "none: no model is trusted"
    yield Finding("trusted keys", bool(trust.new), found, fix)


def _model(config: Config) -> Iterator[Finding]:
    from data.bundle import BundleRefused, read_bundle
    from data.signing import KeyUnusable
    from data.trust import read_trust
    from edge.models.active import START_OVER
    from edge.models.store import ModelStore, StoreDamaged

    wait = "connect the sync service, or wait for the next model"
    store = ModelStore(config.state, make=False)
    try:
        pointer = store.read()
        active = pointer.active
        if active is None:
            found = "none that could be loaded" if pointer.seen else "none yet"
            yield Finding("model", False, found, wait)
            return
        known = read_trust(config.public_keys, store.trust).known
        bundle = read_bundle(store.folder(active), known)
    except StoreDamaged as error:
        fix = f"restart the appliance: it rebuilds this from its verified models. {START_OVER}"
        yield Finding("model", False, f"{error}; new models are refused", fix)
        return
    except (BundleRefused, KeyUnusable) as error:
        yield Finding("model", False, str(error), "restart the appliance: it sets this aside")
        return
    named = f"version {active}, {bundle.model_hash[:12]}"
    if wrong := _wrong_answers(bundle):
        fix = f"{how_to_restart(config.state)}: it tries the model again, or the one before"
        yield Finding("model", False, f"{named}, {wrong}", fix)
        return
    created_at = bundle.manifest.created_at
    days = days_without_news(created_at, datetime.now(UTC))
    made = "" if days is None else f"; made {created_at[:10]}"
    news = f", {no_news(days)}" if days else ""
    yield Finding("model", True, f"{named}, loads and searches{made}{news}")


def _wrong_answers(bundle: Bundle) -> str:
    """Load a model, have it answer what its bundle promises, and play presses."""
    from edge.models.probing import check_answers
    from edge.search.model import Model

    try:
        check_answers(Model.load(bundle), bundle, press_seconds=_PRESS_SECONDS)
    except GreenlightError as error:
        return str(error)
    except MemoryError:
        return "can't be tried beside the running one: too little memory is free"
    return ""


def _journal(config: Config, running: dict[str, Any] | None) -> Iterator[Finding]:
    from edge.journal import (
        Journal,
        JournalDamaged,
        JournalError,
        JournalTooNew,
        asides,
        identities,
        unread,
    )

    left = asides(config.state / JOURNAL)
    if not (config.state / JOURNAL).exists():
        yield Finding("journal", True, "none yet")
        yield from _set_aside(left, left)
        return
    try:
        with Journal.open(config.state / JOURNAL, make=False) as journal:
            waiting, oldest = journal.outbox_depth()
            rejected = journal.quarantined()
            sync_state = journal.sync_state()
            not_yet = unread(journal)
            damaged = journal.damage()
            bad, set_aside = journal.count_bad_rows()
            elsewhere = running is not None and running["journal_files"] != journal.identities
            answered = _asked(journal, sync_state)
    except JournalDamaged as error:
        fix = "restart the appliance: it sets this aside and starts a new one"
        yield Finding("journal", False, str(error), fix)
        yield from _set_aside(left, left)
        return
    except JournalTooNew as error:
        fix = "upgrade Greenlight again: the journal is sound, and nothing was changed"
        yield Finding("journal", False, str(error), fix)
        return
    except JournalError as error:
        fix = "check the folder's owner, group and mode"
        if running is not None and running["journal_files"] != identities(config.state / JOURNAL):
            fix = f"keep what is there: {how_to_restart(config.state)}"
        yield Finding("journal", False, str(error), fix)
        yield from _set_aside(left, left)
        return
    since = f", the oldest since {local_time(oldest)}" if oldest else ""
    waits = f"{waiting:,} {'rating' if waiting == 1 else 'ratings'} waiting{since}"
    restart = "restart the appliance: it sets this aside and carries on without"
    if elsewhere:
        found = f"{config.state / JOURNAL}: the appliance writes into another file than this one"
        yield Finding("journal", False, found, f"keep both: {how_to_restart(config.state)}")
    elif damaged:
        yield Finding("journal", False, damaged, restart)
    elif bad:
        yield Finding("journal", False, f"damaged rows: {_counted(bad)}; {waits}", restart)
    else:
        earlier = f"; damaged rows set aside earlier: {_counted(set_aside)}" if set_aside else ""
        yield Finding("journal", True, f"sound, every row; {waits}{earlier}")
    yield from _set_aside(left, not_yet)
    for row in rejected:
        fix = "it is kept; once the cause is fixed: `sudo greenlight-sync retry`"
        yield Finding("rejected rating", False, f"{row.id}: {row.reason}", fix)
    yield from _sync(config, sync_state, answered=answered)


def _asked(journal: Journal, sync_state: dict[str, Any]) -> bool | None:
    """Ask the sync service through the journal if it's alive; None if it needn't answer."""
    from edge.journal import JournalError

    connection = sync_state.get("connection")
    resting = ("stopped", ON_ANOTHER_BOARD)
    if not isinstance(connection, dict) or connection.get("state") in resting:
        return None
    question = secrets.token_hex(8)
    try:
        journal.ask_sync_service(question)
    except JournalError:
        return None  # a disk that takes no writes has its own finding
    deadline = time.monotonic() + _ANSWER_SECONDS
    while time.monotonic() < deadline:
        if journal.sync_service_answered(question):
            return True
        time.sleep(_LOOK_SECONDS)  # SQLite doesn't say when another process has written
    return False


def _counted(kinds: Mapping[str, int]) -> str:
    return ", ".join(f"{kind}: {count}" for kind, count in sorted(kinds.items()))


def _set_aside(left: list[Path], unread: list[Path]) -> Iterator[Finding]:
    for aside in left:
        if aside in unread:
            found = f"{aside}: its ratings haven't been recovered"
            fix = "keep it, and restart the appliance with 10 MB of disk free to recover them"
        else:
            found = f"{aside}: what could be read was recovered"
            fix = "keep a copy in case `greenlight history` misses a rating; then delete it"
        yield Finding("set aside", False, found, fix)


def _sync(
    config: Config, sync_state: dict[str, Any], *, answered: bool | None
) -> Iterator[Finding]:
    connection = sync_state.get("connection")
    if not isinstance(connection, dict):
        found = "never seen; picks and ratings need none"
        yield Finding("sync", True, found, how_to_start(config.state, SYNC))
        return
    online = connection.get("state") == "online"
    since = silent_since(sync_state)
    if answered is False:
        lately = f"; its last report is of {local_time(since.isoformat())}" if since else ""
        found = f"said it was {connection.get('state')}, but doesn't answer{lately}"
        yield Finding("sync", False, found, how_to_start(config.state, SYNC))
        return
    reason = connection.get("reason") or ""
    found = (
        f"{connection.get('state')} since {local_time(connection.get('since'))} {reason}".strip()
    )
    fix = "" if online else "ratings are kept; find out more with `greenlight-sync doctor`"
    if connection.get("state") == ON_ANOTHER_BOARD:
        fix = "see how to go on: `journalctl -u greenlight-sync -b`"
    yield Finding("sync", online, found, fix)
