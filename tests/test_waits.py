"""Every wait ends: nothing that ships, deploys or demonstrates waits without a deadline."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = (
    *("data", "judging", "edge", "training", "cloud_sync", "lambdas", "local_cloud", "systemd"),
)

# Idle loops that serve: each ends when what it serves ends, or reads what a deadline elsewhere
# bounds. The key is where it is; the value says why it may wait.
SERVING: dict[str, str] = {
    # The appliance.
    "edge/appliance/client.py: _ask_once: replies.readline": "the socket has a timeout",
    "edge/appliance/page_process.py: PageChild._run_once: process.wait": (
        "supervises the page as long as it runs; closing it has a deadline"
    ),
    "edge/appliance/page_process.py: PageChild.run: while ... sleep": (
        "supervises the page until the appliance ends"
    ),
    "edge/appliance/sign_in.py: Authenticator.close: _thread.shutdown": (
        "one check of a PIN at most, which takes a second of arithmetic"
    ),
    "edge/appliance/workers.py: Worker.run: await done": (
        "the watchdog ends the appliance once a worker shows no life; an error comes through"
    ),
    "edge/appliance/workers.py: Worker._do_next: _jobs.get": "serves jobs until the worker closes",
    "edge/panel/led.py: LedPlayer.close: await _playing": "was cancelled the line before",
    "edge/panel/led.py: LedPlayer._play: while ... _sleep": "plays a pattern until the next one",
    "edge/panel/terminal.py: Terminal._take_keys: os.read": "called when there are keys to read",
    "edge/models/copying.py: _copy_file: reader.read": "reads a regular file",
    "edge/page/client.py: ApplianceClient._connect: asyncio.open_unix_connection": (
        "part of an exchange, which has a deadline"
    ),
    "edge/page/client.py: ApplianceClient._exchange: reader.readuntil": (
        "part of an exchange, which has a deadline"
    ),
    "edge/page/client.py: ApplianceClient._exchange: writer.drain": (
        "part of an exchange, which has a deadline"
    ),
    "edge/page/connections.py: Connections._accept: _listener.accept": (
        "called when a connection waits, on a socket that never blocks"
    ),
    "edge/page/live.py: Live.run: while ... sleep": "serves changes until the page ends",
    "edge/page/middleware.py: SessionMiddleware._session: HTTPConnection": (
        "Starlette's view of a request that has come already"
    ),
    "edge/page/server.py: _end_with_parent: os.read": (
        "waits for the end of the appliance, its only purpose"
    ),
    "edge/page/server.py: _feed_watchdog: while ... sleep": "serves until the page ends",
    "edge/page/views.py: events.content: async for ... in stream": (
        "serves a page that is open; the stream refreshes itself and sending has a timeout"
    ),
    "edge/search/score.py: _score: with ThreadPoolExecutor": "arithmetic on this machine",
    "edge/search/score.py: _score: before.result": "arithmetic on this machine",
    "data/film_table.py: _format: file.readline": "reads a regular file",
    # Training.
    "training/retraining/compact.py: _take: with ThreadPoolExecutor": (
        "its jobs are reads from S3, and the client has timeouts"
    ),
    "training/serve.py: application.invocations: async for ... in stream": (
        "SageMaker and its stand-in send a body whole and give the model a minute"
    ),
    "training/sources/imdb.py: _check_header: file.readline": "reads a regular file",
    # Sync.
    "cloud_sync/fetcher.py: Fetcher._run: _work.get": "serves fetches until the service ends",
    "lambdas/operator/aws.py: Wait.until: get_waiter.wait": (
        "the attempts are counted from the deadline"
    ),
    "lambdas/judge_model/stores.py: AwsJudge._ratings: with ThreadPoolExecutor": (
        "its jobs are reads from S3, and the client has timeouts; AWS ends the function"
    ),
    "lambdas/operator/held_out.py: move_all: with ThreadPoolExecutor": (
        "its jobs are calls of S3 and DynamoDB, and the clients have timeouts"
    ),
    # The local cloud.
    "local_cloud/commands.py: _start: os.read": "select has said that there is something to read",
    "local_cloud/control.py: ControlSocket._serve: _server.accept": (
        "serves orders; closing the socket ends it"
    ),
    "local_cloud/control.py: ControlSocket._answer: stream.readline": "the socket has a timeout",
    "local_cloud/control.py: send: stream.readline": "the socket has a timeout",
    "local_cloud/credentials.py: CredentialsServer.__exit__: _server.shutdown": (
        "the server looks twice a second whether to end"
    ),
    "local_cloud/sagemaker_server.py: SageMakerServer.__exit__: _server.shutdown": (
        "the server looks twice a second whether to end"
    ),
    "local_cloud/launcher.py: RuleQueue._work: _waiting.get": "serves messages of rules",
    "local_cloud/launcher.py: end_with_parent.watch: os.read": (
        "waits for the end of the local cloud, its only purpose"
    ),
    "local_cloud/relay.py: Relay._serve: asyncio.gather": "serves a connection until a side ends",
    "local_cloud/relay.py: _pass: reader.read": "serves a connection until a side ends",
    "local_cloud/relay.py: _pass: writer.drain": "serves a connection until a side ends",
    "local_cloud/supervisor.py: locked: os.read": "reads a regular file",
    "local_cloud/supervisor.py: run: while ... wait": "serves until it is stopped",
    "local_cloud/tail.py: follow: while ... sleep": "follows the logs until Ctrl-C",
    "local_cloud/supervise.py: main.watch: os.read": (
        "waits for the end of the local cloud, its only purpose"
    ),
    "local_cloud/supervise.py: main: command.wait": (
        "runs as long as its command, whose caller ends it in time"
    ),
    "local_cloud/demo/__main__.py: your_turn: stdin.readline": "waits for Enter or Ctrl-C",
    "local_cloud/demo/runner.py: _lines: os.read": "select said there is something to read",
}

# Wait forever without a timeout, as a keyword or at this position.
_TIMED = {
    "wait": 0,
    "join": 0,
    "result": 0,
    "exception": 0,
    "communicate": 1,
    "get": 1,
    "acquire": 1,
    "select": 0,
    "wait_closed": None,
    "pause": None,
    "sigwait": None,
    "drain": None,
    "shutdown": None,
    "serve_forever": None,
    "run_forever": None,
    "gather": None,
}
# Wait for the other side, whose own deadline has to be set somewhere else.
_READS = {
    *("accept", "recv", "recvfrom", "recv_into", "recvmsg", "readline", "sock_recv"),
    *("readexactly", "readuntil", "get_message"),
}
_PAUSES = ("sleep", "_sleep", "wait", "wait_for", "select")
_RUNS = {"run", "call", "check_call", "check_output"}
_CONNECTS = {"urlopen": 2, "create_connection": 1, "HTTPConnection": 2, "HTTPSConnection": 2}
_ASYNC = {"open_connection", "open_unix_connection"}
_DEADLINE = re.compile(r"deadline|monotonic|remaining|until_time|^end$")


class _Waits(ast.NodeVisitor):
    """Collects the waits of one module that have no deadline."""

    def __init__(self) -> None:
        self.found: list[tuple[str, int, str]] = []
        self._scope: list[str] = []
        self._bounded = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._enter(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._enter(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._enter(node)

    def _enter(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self._scope.append(node.name)
        bounded, self._bounded = self._bounded, 0
        self.generic_visit(node)
        self._bounded = bounded
        self._scope.pop()

    def _note(self, node: ast.expr | ast.stmt, what: str) -> None:
        if not self._bounded:
            self.found.append((".".join(self._scope) or "<module>", node.lineno, what))

    def visit_AsyncWith(self, node: ast.AsyncWith) -> None:
        timed = any(
            isinstance(item.context_expr, ast.Call)
            and _name(item.context_expr.func) in ("timeout", "timeout_at")
            for item in node.items
        )
        self._bounded += timed
        self.generic_visit(node)
        self._bounded -= timed

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            opened = item.context_expr
            if isinstance(opened, ast.Call) and _name(opened.func) in (
                *("Popen", "ThreadPoolExecutor", "ProcessPoolExecutor", "Pool"),
            ):
                self._note(opened, f"with {_name(opened.func)}")
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        called = [_name(one.func) for one in ast.walk(node) if isinstance(one, ast.Call)]
        names = {
            name
            for one in ast.walk(node)
            for name in (getattr(one, "id", ""), getattr(one, "attr", ""))
        }
        pauses = next((name for name in called if name in _PAUSES), None)
        if pauses and not any(map(_DEADLINE.search, names)):
            self._note(node, f"while ... {pauses}")
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        if _name(node.iter) in ("stdout", "stderr"):
            self._note(node, f"for ... in {_name(node.iter)}")
        self.generic_visit(node)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> None:
        self._note(node, f"async for ... in {_name(node.iter)}")
        self.generic_visit(node)

    def visit_Await(self, node: ast.Await) -> None:
        if not isinstance(node.value, ast.Call):
            self._note(node, f"await {_name(node.value)}")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name, owner = _name(node.func), ""
        if isinstance(node.func, ast.Attribute):
            owner = _name(node.func.value)
        bounded = name == "wait_for" and owner == "asyncio"
        if isinstance(node.func, ast.Attribute) and _is_endless(name, owner, node):
            self._note(node, f"{owner}.{name}" if owner else f".{name}")
        elif name in {"input", "Config", *_CONNECTS, *_ASYNC} and _is_endless(name, owner, node):
            self._note(node, name)
        self._bounded += bounded
        self.generic_visit(node)
        self._bounded -= bounded


def _is_endless(name: str, owner: str, call: ast.Call) -> bool:
    keywords = {word.arg: word.value for word in call.keywords}
    timeout = keywords.get("timeout")
    if timeout is not None and not (isinstance(timeout, ast.Constant) and timeout.value is None):
        return False
    if owner == "subprocess":
        return name in _RUNS
    if owner == "asyncio" and name == "wait":
        return True
    if name in _CONNECTS:
        return len(call.args) <= _CONNECTS[name]
    if owner == "boto3":
        return name in ("client", "resource") and "config" not in keywords
    if name == "flock":
        return not any(_name(part) == "LOCK_NB" for part in ast.walk(call) if _is_word(part))
    if name in ("acquire", "get") and _says_no(
        call, keywords.get("blocking", keywords.get("block"))
    ):
        return False
    if name == "Config" and not owner:
        return not {"connect_timeout", "read_timeout"} <= set(keywords)
    if name == "pause" and call.args:
        return False
    if name == "read" and owner in ("os", "reader"):
        return True
    if name == "input" or name in _READS or name in _ASYNC:
        return True
    if name == "get":
        return not call.args and "block" not in keywords
    if name == "shutdown":
        return not call.args and "wait" not in keywords
    if name in _TIMED:
        position = _TIMED[name]
        return position is None or (len(call.args) <= position)
    return False


def _says_no(call: ast.Call, keyword: ast.expr | None) -> bool:
    """Return whether a call that may block is made not to."""
    blocking = keyword if keyword is not None else next(iter(call.args), None)
    return isinstance(blocking, ast.Constant) and blocking.value is False


def _is_word(node: ast.AST) -> bool:
    return isinstance(node, ast.Name | ast.Attribute)


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Call):
        return _name(node.func)
    return node.id if isinstance(node, ast.Name) else ""


def waits(text: str) -> list[tuple[str, int, str]]:
    """Return where a module waits without a deadline: function, line, call."""
    visitor = _Waits()
    visitor.visit(ast.parse(text))
    return visitor.found


def _shipped() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted((ROOT / folder).rglob("*.py"))


def _found() -> dict[str, list[int]]:
    """Return the lines of what waits without a deadline, by place."""
    found: dict[str, list[int]] = {}
    for path in _shipped():
        for where, line, what in waits(path.read_text("utf-8")):
            found.setdefault(f"{path.relative_to(ROOT)}: {where}: {what}", []).append(line)
    return found


def test_every_wait_has_a_deadline_or_is_listed_with_its_reason() -> None:
    endless = {place: lines for place, lines in _found().items() if place not in SERVING}
    assert not endless, f"give these a deadline, or list them with a reason: {endless}"


def test_what_is_listed_is_still_there() -> None:
    assert not set(SERVING) - set(_found()), "these are gone; take them off the list"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("event.wait()", "event.wait"),
        ("event.wait(timeout=None)", "event.wait"),
        ("event.wait(1)", None),
        ("thread.join()", "thread.join"),
        ("', '.join(words)", None),
        ("work.get()", "work.get"),
        ("settings.get('name')", None),
        ("process.communicate(b'in')", "process.communicate"),
        ("process.communicate(timeout=3)", None),
        ("future.result()", "future.result"),
        ("subprocess.run(command, check=True)", "subprocess.run"),
        ("subprocess.run(command, timeout=3)", None),
        ("subprocess.check_output(command)", "subprocess.check_output"),
        ("urllib.request.urlopen(url)", "request.urlopen"),
        ("urllib.request.urlopen(url, timeout=3)", None),
        ("http.client.HTTPConnection(host, 80)", "client.HTTPConnection"),
        ("socket.create_connection((host, 80))", "socket.create_connection"),
        ("socket.create_connection((host, 80), 3)", None),
        ("boto3.client('s3')", "boto3.client"),
        ("boto3.client('s3', config=CONFIG)", None),
        ("Config(read_timeout=3)", "Config"),
        ("fcntl.flock(lock, fcntl.LOCK_EX)", "fcntl.flock"),
        ("fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)", None),
        ("lock.acquire()", "lock.acquire"),
        ("lock.acquire(blocking=False)", None),
        ("lock.acquire(timeout=3)", None),
        ("server.accept()", "server.accept"),
        ("stream.readline()", "stream.readline"),
        ("while not ready():\n    time.sleep(1)", "while ... sleep"),
        ("while not ready():\n    event.wait(1)", "while ... wait"),
        ("while time.monotonic() < deadline:\n    time.sleep(1)", None),
        ("for line in process.stdout:\n    print(line)", "for ... in stdout"),
        ("with subprocess.Popen(command) as child:\n    pass", "with Popen"),
        ("async def f():\n    await event.wait()", "event.wait"),
        ("async def f():\n    await asyncio.wait_for(event.wait(), 3)", None),
        ("async def f():\n    async with asyncio.timeout(3):\n        await event.wait()", None),
        ("async def f():\n    await task", "await task"),
        ("async def f():\n    await asyncio.open_connection(host, 80)", "asyncio.open_connection"),
    ],
)
def test_the_walk_finds_waits_without_a_deadline(code: str, found: str | None) -> None:
    assert [what for _, _, what in waits(code)] == ([found] if found else [])


# In shell: what waits for a network or for a state, and the option that ends it.
_SHELL = {
    r"\bcurl\b": r"--max-time|-m ",
    r"\bwget\b": r"--timeout|-T ",
    r"^\s*(while|until)\b.*\bsleep\b": r"seq|SECONDS|-lt|-gt",
    r"^\s*wait\b": r"^$",
    r"\bflock\b": r"-w |-n |--timeout|--nonblock",
    r"\bjournalctl\b.*(-f|--follow)": r"timeout",
}


_SHELLS = [ROOT / "Makefile", *sorted((ROOT / "systemd").rglob("*.sh"))]


@pytest.mark.parametrize("path", _SHELLS, ids=lambda path: path.name)
def test_shells_wait_with_a_deadline(path: Path) -> None:
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        for waiting, ending in _SHELL.items():
            if re.search(waiting, line.partition(" #")[0]):
                assert re.search(ending, line), f"{path.name}:{number} has no deadline: {line}"


def test_the_pages_requests_have_a_deadline() -> None:
    for script in (ROOT / "edge" / "page" / "static").glob("*.js"):
        requests = re.findall(r"\bfetch\((?:[^()]|\([^()]*\))*\)", script.read_text("utf-8"))
        assert all("signal" in request for request in requests), requests
