"""`greenlight run`: builds the appliance, runs it, and closes its parts in reverse order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from data.bundle import Bundle
from data.errors import GreenlightError
from data.notify import notify_systemd
from data.signing import KeyUnusable
from edge.appliance import memory
from edge.appliance.appliance import Appliance, Parts
from edge.appliance.attention import Attention
from edge.appliance.boot import boot_id, now
from edge.appliance.client import SOCKET
from edge.appliance.commands import Approve, Hold, Rate, ShutDown, Synchronise
from edge.appliance.control_socket import serve
from edge.appliance.decisions import SlateDamaged, kept_slate
from edge.appliance.disk_space import JournalWriter, Reserve
from edge.appliance.machine import Event
from edge.appliance.main_loop import (
    HasHeartbeat,
    JournalObserver,
    bad_rows_sentence,
    main_loop,
)
from edge.appliance.page_process import PageChild, bind, is_a_unit, page_socket
from edge.appliance.page_verbs import PageVerbs
from edge.appliance.recorder import Recorder
from edge.appliance.state_folder import NoState, locked
from edge.appliance.storage import StorageObserver
from edge.appliance.workers import Worker
from edge.config import Config
from edge.journal import (
    CHECK_SECONDS,
    JOURNAL,
    REPLACED,
    Journal,
    JournalError,
    SetAside,
    open_or_set_aside,
)
from edge.models import active as models
from edge.models.active import LoadedModel
from edge.models.store import ModelStore
from edge.panel.button import Button, ButtonObserver
from edge.panel.hardware import Hardware
from edge.panel.led import LedPlayer
from edge.panel.terminal import KeyActions, Terminal
from edge.service import port_holder

# A command such as `greenlight status` may hold the lock for a moment.
_LOCK_TIMEOUT_SECONDS = 3.0
# Without a heartbeat. A search in the tables takes a second or two on the slowest Pi; one row by
# row over billions takes an hour, with a heartbeat for every block of rows.
_SEARCH_STUCK_AFTER_SECONDS = 60.0
# The trial has its own time limit. Loading the model afterwards takes no longer than its trial did;
# copying and checking it take seconds.
_UPDATE_STUCK_AFTER_SECONDS = 60.0
# A hanging card is a fault to show; a restart by the watchdog wouldn't fix it.
_DISK_STUCK_AFTER_SECONDS = 3600.0
# All except the longest searches finish within this time, well within systemd's timeout.
_SEARCH_ENDS_SECONDS = 10.0
# SQLite waits ten seconds for a lock; a full disk's write is retried at most twice.
_WRITE_STUCK_AFTER_SECONDS = 120.0


def run(
    config: Config, *, simulate: bool, terminal: Terminal, page_options: Sequence[str] = ()
) -> bool:
    """Run the appliance until it is stopped.

    Args:
        config: this device's settings.
        simulate: use mock pins.
        terminal: prints each message; `ready` is one of them.
        page_options: options that give `greenlight page` the same settings.

    Returns:
        Whether to power the machine off.

    Raises:
        AlreadyRunning, NoState, NoGpio, JournalError: it could not start.
    """
    memory.keep_little()
    with contextlib.ExitStack() as stack:
        stack.enter_context(locked(config.state, _LOCK_TIMEOUT_SECONDS))
        make_room = Reserve(config.state).release
        journal, asides = open_or_set_aside(config.state / JOURNAL, make_room)
        stack.enter_context(journal)
        writing = stack.enter_context(Journal.open(config.state / JOURNAL))
        try:
            store = ModelStore(config.state)
        except OSError as error:
            raise NoState(f"{config.state}: {error.strerror}") from error
        running = _run(config, journal, writing, store, asides, simulate, terminal, page_options)
        return asyncio.run(running)


async def _run(
    config: Config,
    journal: Journal,
    writing: Journal,
    store: ModelStore,
    asides: list[SetAside],
    simulate: bool,
    terminal: Terminal,
    page_options: Sequence[str],
) -> bool:
    async with contextlib.AsyncExitStack() as stack:
        searcher = Worker("search", _SEARCH_STUCK_AFTER_SECONDS)
        stack.callback(searcher.close)
        updater = Worker("update", config.trial_seconds + _UPDATE_STUCK_AFTER_SECONDS)
        stack.callback(updater.close)
        journal_worker = Worker("journal", _WRITE_STUCK_AFTER_SECONDS)
        stack.callback(journal_worker.close)
        recorder = Recorder(writing, journal_worker)
        stack.push_async_callback(recorder.settle)
        appliance = _assemble(config, journal, store, searcher, recorder, simulate, terminal, stack)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            # Under `nohup`, ignore a closed terminal.
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, lambda: appliance.begin(ShutDown()))
        appliance.attention.restore()
        await _report_bad_rows(appliance)
        for aside in asides:
            appliance.attention.raise_(f"journal-{aside.path.name}", _outcome_of(aside))
        await _restore_slate(appliance, updater)
        await _take_loaded(
            appliance, await updater.run(partial(_load, store, config, appliance.boot_id))
        )
        await _listen(config.state / SOCKET, appliance, stack)
        observer = JournalObserver(appliance, config.state, updater)
        stack.push_async_callback(observer.close)
        observer.offer_first_bundle()
        stack.enter_context(terminal.reading_keys(_key_actions(appliance)))
        terminal.say("ready")
        notify_systemd("READY=1")
        workers: list[HasHeartbeat] = [searcher, updater, journal_worker]
        if config.page:
            await _open_page(appliance, page_options, stack)
        storage = Worker("storage", _DISK_STUCK_AFTER_SECONDS)
        stack.callback(storage.close)
        await main_loop(appliance, observer, workers, StorageObserver(config.state, storage))
        notify_systemd("STOPPING=1")
        await finish_searches(appliance)
        terminal.say("stopping")
        models.note_idle(store)
        return appliance.powers_off


def _assemble(
    config: Config,
    journal: Journal,
    store: ModelStore,
    searcher: Worker,
    recorder: Recorder,
    simulate: bool,
    terminal: Terminal,
    stack: contextlib.AsyncExitStack,
) -> Appliance:
    """Connect pins, lights, button and state machine."""
    watch: ButtonObserver | None = None

    def on_edge(down: bool, at: float) -> None:
        if watch is not None:
            watch.edge_from_any_thread(down, at)

    hardware = Hardware(config, on_edge, simulate=simulate)
    stack.callback(hardware.close)

    def light(brightness: float) -> None:
        hardware.light(brightness)
        terminal.light(brightness)

    lights = LedPlayer(light)
    stack.push_async_callback(lights.close)

    def attend(wanted: bool) -> None:
        appliance.feed(Event.ATTENTION_RAISED if wanted else Event.ATTENTION_CLEARED)

    reserve = Reserve(config.state)
    reserve.restore()
    writer = JournalWriter(store, reserve, Attention(attend, config.state))
    parts = Parts(config, journal, store, hardware, lights, searcher, writer, recorder, boot_id())
    appliance = Appliance(parts, terminal.say)
    button = Button(config.button_bounce_seconds, down=hardware.button_is_down, at=time.monotonic())
    watch = ButtonObserver(button, appliance.take_button)
    return appliance


def _key_actions(appliance: Appliance) -> KeyActions:
    return KeyActions(
        hold=lambda seconds: appliance.begin(Hold(seconds)),
        approve=lambda: appliance.begin(Approve()),
        rate=lambda stars: appliance.begin(Rate(float(stars))),
        synchronise=lambda: appliance.begin(Synchronise()),
        stop=lambda: appliance.begin(ShutDown()),
    )


async def _report_bad_rows(appliance: Appliance) -> None:
    journal = appliance.recorder.journal
    try:
        bad = await appliance.recorder.run(
            partial(journal.set_bad_rows_aside, now(), CHECK_SECONDS)
        )
    except JournalError as error:
        appliance.warn_of_journal(error)
        return
    if bad.set_aside:
        appliance.attention.raise_("bad-rows", bad_rows_sentence(bad))


def _outcome_of(aside: SetAside) -> str:
    name = aside.path.name
    happened = f"the journal was damaged and is now in {name}"
    if f".{REPLACED}-" in name:
        happened = f"the journal's files were removed or replaced; what was in it is in {name}"
    if aside.failure:
        return (
            f"{happened}; its ratings could not be recovered yet: {aside.failure}. Every start"
            " tries again"
        )
    return f"{happened}; {aside.rescued} ratings were recovered from it"


async def _restore_slate(appliance: Appliance, worker: Worker) -> None:
    try:
        appliance.slate = await worker.run(partial(kept_slate, appliance.config.state))
    except (SlateDamaged, OSError) as error:
        appliance.attention.raise_("slate", str(error))


def _load(store: ModelStore, config: Config, boot: str) -> LoadedModel:
    try:
        return models.load_active(store, config.public_keys, boot)
    except (KeyUnusable, OSError) as error:
        return LoadedModel(notes=[f"no model can be loaded: {error}"])


async def _take_loaded(appliance: Appliance, loaded: LoadedModel) -> None:
    for given_up in loaded.rolled_back:
        await _write(appliance, partial(_record_roll_back, appliance.recorder.journal, *given_up))
    for note in loaded.notes:
        appliance.attention.raise_(f"model: {note}", note)
    if loaded.bundle is not None:
        record = partial(_record_answering, appliance.recorder.journal, loaded.bundle)
        await _write(appliance, record)
    appliance.adopt(loaded.bundle, loaded.model)
    if loaded.model is None:
        first = appliance.config.first_bundle
        appliance.say(
            "no model yet: waiting for the sync service to download one"
            if first is None
            else f"no model yet: trying the one in {first}"
        )


async def _write(appliance: Appliance, record: Callable[[], None]) -> None:
    await appliance.recorder.run(partial(appliance.writer.write, record))


def _record_roll_back(journal: Journal, version: int, model_hash: str, reason: str) -> None:
    journal.record_activation(version, model_hash, "rolled-back", now(), reason)


def _record_answering(journal: Journal, bundle: Bundle) -> None:
    """Record which model is active, unless the journal already says so: after a rollback."""
    version, model_hash = bundle.manifest.version, bundle.model_hash
    if journal.last_activated() != (version, model_hash):
        journal.record_activation(version, model_hash, "activated", now())


async def _listen(path: Path, appliance: Appliance, stack: contextlib.AsyncExitStack) -> None:
    try:
        server = await serve(path, appliance)
    except OSError as error:
        raise NoState(f"{path}: {error.strerror}") from error
    stack.callback(_remove, path)
    stack.callback(server.close)


async def finish_searches(appliance: Appliance) -> None:
    """Wait a while for searches in other threads before the process ends."""
    # A process that ends while ONNX Runtime works in another thread is aborted (exit code -6).
    begun = [task for task in (appliance.warming, appliance.search) if task and not task.done()]
    if begun:
        await asyncio.wait(begun, timeout=_SEARCH_ENDS_SECONDS)


def _remove(path: Path) -> None:
    # On a disk that has become read-only it stays, and connecting to it fails.
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


async def _open_page(
    appliance: Appliance, options: Sequence[str], stack: contextlib.AsyncExitStack
) -> None:
    """Serve the page's process; start it once we are ready, unless systemd does."""
    config = appliance.config
    try:
        verbs = PageVerbs(appliance, config.state)
        stack.callback(verbs.close)
        path = await stack.enter_async_context(page_socket(verbs))
        if is_a_unit():
            return
        listener = stack.enter_context(bind(config))
    except GreenlightError as error:
        holder = port_holder(config.page_port)
        why = f"{error} ({holder} uses that port)" if holder else str(error)
        appliance.attention.raise_("page", why)
        appliance.say(why)
        return
    page = PageChild(options, listener, path, appliance.attention)
    keeping = asyncio.get_running_loop().create_task(page.run())
    stack.push_async_callback(page.close)
    stack.callback(keeping.cancel)
    appliance.say(f"page: {config.page_address(listener.getsockname()[1])}")
