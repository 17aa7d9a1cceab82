"""Starts the emulator with stricter rules. Runs in the emulator's own environment, never in ours.

The stock emulator binds MQTT to every interface, accepts clients without a certificate and starts
one process per message. Here MQTT is bound to loopback, a client certificate is required, and rules
put their messages into a bounded queue with two workers, which try each message three times as AWS
does. SageMaker's stand-in may send the event that a training job has ended. All of this patches
private functions of one exact version, which is checked first.
"""

from __future__ import annotations

import asyncio.base_events
import functools
import importlib
import json
import logging
import os
import queue
import signal
import ssl
import sys
import threading
import time
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

VERSION = "1.5.33"
# AWS waits one minute, then two; here someone is watching, so it's seconds.
RETRY_SECONDS = (0.0, 1.0, 2.0)
WORKERS = 2
QUEUE_LENGTH = 500
UNSUITABLE = 3

_PRIVATE = {
    "ministack.app": ("main",),
    "ministack.services.iot": (
        "_mtls_build_ssl_context",
        "_mtls_ensure_server_cert",
        "_dispatch_rule_to_lambda",
    ),
    "ministack.services.eventbridge": (
        "_dispatch_to_lambda",
        "_put_events",
        "get_account_id",
        "get_region",
    ),
    "ministack.services.lambda_svc": (
        "_get_func_record_for_ref_in_scope",
        "_execution_record_for_config",
        "_execute_function_with_config_scope",
        "_run_with_function_config_scope",
        "_route_async_failure",
    ),
}


def unsuitable() -> str | None:
    """Return why this emulator cannot be used, or None."""
    try:
        found = metadata.version("ministack")
    except metadata.PackageNotFoundError:
        return "the emulator (ministack) is not installed in this environment; run `make cloud`"
    if found != VERSION:
        return f"ministack {found} is installed, but {VERSION} is needed; run `make cloud`"
    for module_name, names in _PRIVATE.items():
        module = importlib.import_module(module_name)
        for name in names:
            if not callable(getattr(module, name, None)):
                return f"ministack {found} lacks {module_name}.{name}, which this launcher needs"
    return None


def bind_to_loopback() -> None:
    """Make every server in this process that asks for all interfaces listen on loopback only."""
    stock = asyncio.base_events.BaseEventLoop.create_server

    async def create_server(
        self: Any, factory: Any, host: Any = None, port: Any = None, **options: Any
    ) -> Any:
        here = "127.0.0.1" if host in (None, "", "0.0.0.0") and "sock" not in options else host
        return await stock(self, factory, here, port, **options)

    asyncio.base_events.BaseEventLoop.create_server = create_server  # type: ignore[method-assign, assignment]


def require_client_certificates(server_certificate: Path) -> None:
    """Refuse MQTT clients without a certificate.

    The broker's own certificate is also written to `server_certificate` (mode 0600), for the
    credentials provider's stand-in on the same host.
    """
    from ministack.services import iot

    stock = iot._mtls_build_ssl_context

    def build() -> ssl.SSLContext:
        context: ssl.SSLContext = stock()
        context.verify_mode = ssl.CERT_REQUIRED
        chain = "".join(iot._mtls_ensure_server_cert())
        descriptor = os.open(server_certificate, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(chain)
        return context

    iot._mtls_build_ssl_context = build


# AWS's scheduler replaces this in a target's input; the emulator doesn't.
SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"


class RuleQueue:
    """Calls functions for rules and schedules: a bounded queue with two workers and two retries."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[tuple[Any, Any]] = queue.Queue(QUEUE_LENGTH)
        for number in range(WORKERS):
            threading.Thread(target=self._work, name=f"rule-{number}", daemon=True).start()

    def dispatch(self, account_id: str, region: str, function_arn: str, event: Any) -> None:
        """Queue a rule's message; an exception goes to the rule's error action."""
        from ministack.services import lambda_svc

        function, config, _ = lambda_svc._get_func_record_for_ref_in_scope(
            function_arn, account_id=account_id, region=region
        )
        if not function or not config:
            raise LookupError(f"{function_arn} does not exist")
        record = lambda_svc._execution_record_for_config(function, config)
        try:
            self._waiting.put_nowait((record, event))
        except queue.Full:
            raise OverflowError(
                f"{QUEUE_LENGTH} messages are already waiting for a function"
            ) from None

    def dispatch_event(self, function_arn: str, payload: str) -> None:
        """Queue an event of EventBridge or its scheduler."""
        from ministack.services import eventbridge

        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        event = json.loads(payload.replace(SCHEDULED_TIME, now))
        self.dispatch(eventbridge.get_account_id(), eventbridge.get_region(), function_arn, event)

    def _work(self) -> None:
        while True:
            record, event = self._waiting.get()
            try:
                self._try_three_times(record, event)
            except Exception as error:  # noqa: BLE001 - the outermost loop of this thread
                print(f"rule queue: {error!r}", file=sys.stderr, flush=True)

    def _try_three_times(self, record: Any, event: Any) -> None:
        from ministack.services import lambda_svc

        result: dict[str, Any] = {}
        for pause in RETRY_SECONDS:
            time.sleep(pause)
            result = lambda_svc._execute_function_with_config_scope(record, event)
            if log := str(result.get("log") or "").strip():
                print(log, flush=True)
            if not result.get("error"):
                return
        config = record.get("config") or record
        target = (config.get("DeadLetterConfig") or {}).get("TargetArn")
        print(f"{config.get('FunctionName')}: failed three times: {result}", flush=True)
        if target:
            lambda_svc._run_with_function_config_scope(
                record,
                lambda_svc._route_async_failure,
                target,
                config.get("FunctionName"),
                event,
                result,
            )


def end_with_parent() -> None:
    """Stop cleanly when the supervisor's end of standard input closes, however it ended."""

    def watch() -> None:
        # Not through sys.stdin: its lock would still be held when the interpreter exits.
        while os.read(0, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def main() -> None:
    """Run the emulator until SIGTERM; its settings are environment variables (see emulator.py)."""
    reason = unsuitable()
    if reason:
        print(reason, file=sys.stderr)
        sys.exit(UNSUITABLE)
    bind_to_loopback()
    require_client_certificates(Path(os.environ["GREENLIGHT_SERVER_CERTIFICATE"]))
    from ministack import app
    from ministack.services import eventbridge, iot

    rules = RuleQueue()
    iot._dispatch_rule_to_lambda = rules.dispatch
    eventbridge._dispatch_to_lambda = rules.dispatch_event
    # Only AWS's own services may send events in their name; here, their stand-ins may too.
    eventbridge._put_events = functools.partial(eventbridge._put_events, allow_aws_source=True)
    # It logs refused handshakes only at DEBUG; here every refusal is explained.
    logging.getLogger("iot_mtls").setLevel(logging.DEBUG)
    end_with_parent()
    sys.argv = ["ministack"]
    app.main()


if __name__ == "__main__":
    main()
