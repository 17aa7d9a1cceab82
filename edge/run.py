"""`greenlight run`: the appliance put together, run, and taken apart in reverse order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import GreenlightError
from data.signing import KeyUnusable
from edge import models
from edge.answers import Answers
from edge.appliance import Appliance, Parts
from edge.attention import Attention
from edge.boot import boot_id, now
from edge.button_watch import ButtonWatch
from edge.config import Config
from edge.control import SOCKET, serve
from edge.hardware import Hardware
from edge.journal import JOURNAL, Journal, open_or_set_aside
from edge.lights import Lights
from edge.machine import Event
from edge.models import Answering
from edge.press import Button
from edge.reserve import Reserve
from edge.service_notes import tell_systemd, watchdog_seconds
from edge.state_folder import NoState, locked
from edge.store import ModelStore
from edge.terminal import Terminal
from edge.watching import Watching
from edge.workers import Worker
from edge.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Sequence

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.2
_TIDY_SECONDS = 3600.0
# A search row by row over billions of combinations takes minutes; a trial has its own limit.
_SEARCH_PATIENCE_SECONDS = 1800.0
_UPDATE_PATIENCE_SECONDS = 300.0


def run(config: Config, *, simulate: bool, terminal: Terminal) -> bool:
    """Run the appliance until it is asked to stop.

    Args:
        config: of this device.
        simulate: use mock pins.
        terminal: told each line there is to say; `ready` among them.

    Returns:
        Whether the machine shall be switched off.

    Raises:
        AlreadyRunning, NoState, NoGpio, JournalError: it could not start.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(locked(config.state))
        journal, aside = open_or_set_aside(config.state / JOURNAL)
        stack.enter_context(journal)
        return asyncio.run(_run(config, journal, aside, simulate=simulate, terminal=terminal))


async def _run(
    config: Config,
    journal: Journal,
    aside: Path | None,
    *,
    simulate: bool,
    terminal: Terminal,
) -> bool:
    async with contextlib.AsyncExitStack() as stack:
        watch: ButtonWatch | None = None

        def on_edge(down: bool, at: float) -> None:
            if watch is not None:
                watch.edge_from_any_thread(down, at)

        hardware = Hardware(config, on_edge, simulate=simulate)
        stack.callback(hardware.close)

        def light(brightness: float) -> None:
            hardware.light(brightness)
            terminal.light(brightness)

        lights = Lights(light)
        stack.push_async_callback(lights.close)
        searcher = Worker("search", _SEARCH_PATIENCE_SECONDS)
        updater = Worker("update", config.trial_seconds + _UPDATE_PATIENCE_SECONDS)
        store = _store(config.state)

        def attend(wanted: bool) -> None:
            appliance.feed(Event.ATTENTION_RAISED if wanted else Event.ATTENTION_CLEARED)

        attention = Attention(attend)
        reserve = Reserve(config.state)
        boot = boot_id()
        parts = Parts(
            config, journal, store, lights, searcher, Writer(store, reserve, attention), boot
        )
        appliance = Appliance(parts, terminal.say)
        answers = Answers(appliance, hardware)
        watch = ButtonWatch(
            Button(hardware.button_is_down, config.button_bounce_seconds), answers.take_button
        )
        stack.callback(searcher.close, wait=False)
        stack.callback(updater.close, wait=False)
        stop_on_signals(appliance)
        if aside is not None:
            attention.raise_("journal", f"the journal was damaged and lies in {aside.name}")

        answering = await updater.run(lambda: _load(store, config, boot))
        _take_loaded(appliance, answering)
        server = await serve(config.state / SOCKET, answers.answer)
        stack.push_async_callback(_close_server, server, config.state / SOCKET)
        reserve.restore()
        watching = Watching(appliance, config.state, updater)
        stack.push_async_callback(watching.close)
        terminal.say("ready")
        tell_systemd("READY=1")
        stack.enter_context(terminal.pressing(answers.press_key))
        await _main_loop(appliance, watching, [searcher, updater])
        tell_systemd("STOPPING=1")
        terminal.say("stopping")
        models.note_clean_stop(store)
        return appliance.powers_off


def _store(state: Path) -> ModelStore:
    try:
        return ModelStore(state)
    except OSError as error:
        raise NoState(f"{state}: {error.strerror}") from error


def _load(store: ModelStore, config: Config, boot: str) -> Answering:
    try:
        return models.load_active(store, config.public_keys, boot)
    except (KeyUnusable, OSError) as error:
        return Answering(notes=[f"no model can be loaded: {error}"])


def _take_loaded(appliance: Appliance, answering: Answering) -> None:
    for given_up in answering.rolled_back:
        appliance.writer.write(partial(_record_roll_back, appliance.journal, *given_up))
    for number, note in enumerate(answering.notes):
        appliance.attention.raise_(f"model-{number}", note)
    appliance.adopt(answering.bundle, answering.model)
    if answering.model is None:
        appliance.say("no model yet: waiting for the sync service to bring one")


def _record_roll_back(journal: Journal, version: int, model_hash: str, reason: str) -> None:
    journal.record_activation(version, model_hash, "rolled-back", now(), reason)


async def _main_loop(appliance: Appliance, watching: Watching, workers: Sequence[Worker]) -> None:
    """Look around until a stop is asked for; feed the watchdog while every worker is fresh."""
    beat = watchdog_seconds()
    next_beat = next_tidy = time.monotonic()
    while not appliance.stop_asked.is_set():
        watching.look()
        at = time.monotonic()
        if beat is not None and at >= next_beat and all(worker.is_fresh() for worker in workers):
            tell_systemd("WATCHDOG=1")
            next_beat = at + beat
        if at >= next_tidy:
            _tidy(appliance)
            next_tidy = at + _TIDY_SECONDS
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(appliance.stop_asked.wait(), _LOOK_SECONDS)


def _tidy(appliance: Appliance) -> None:
    try:
        appliance.journal.prune(appliance.config.keep_picks)
    except GreenlightError as error:
        _log.warning("the journal was not tidied: %s", error)


async def _close_server(server: asyncio.Server, path: Path) -> None:
    server.close()
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108


def stop_on_signals(appliance: Appliance) -> None:
    """SIGTERM and SIGINT are a wish to stop, like the longest press."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: appliance.feed(Event.STOP_ASKED))
