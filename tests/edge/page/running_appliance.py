"""A complete appliance as a separate process: real journal, small real model, mock pins."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlencode

from data import signing
from data.manifest import MANIFEST
from edge.appliance.sign_in import read_or_make_pin
from edge.incoming import hand_over, incoming_folder
from edge.journal import JOURNAL, Journal

START_SECONDS = 60.0
ROOT = Path(__file__).parents[3]


class RunningAppliance:
    """`greenlight run --simulate`, with a page on a free port."""

    stdin = subprocess.DEVNULL

    def __init__(self, state: Path, keys: Path, **config: object) -> None:
        self.state = state
        self.state.mkdir(exist_ok=True)
        self.config = state.parent / f"{state.name}.toml"
        settings = {
            "state": str(state),
            "public_keys": str(keys),
            "page_port": 0,
            "demonstration": True,
            **config,
        }
        self.config.write_text("".join(f"{k} = {_toml(v)}\n" for k, v in settings.items()))
        self.lines: list[str] = []
        self._heard = threading.Condition()
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> RunningAppliance:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self.lines.clear()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edge", "run", "--simulate", "--config", str(self.config)],
            stdin=self.stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"},
        )
        threading.Thread(target=self._listen, daemon=True).start()
        self.address = self.wait_for(r"page: (\S+)").group(1)

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(20)

    def give_model(self, bundle: Path) -> None:
        """Do what the sync service does with a finished download, and wait for the answer."""
        manifest = (bundle / MANIFEST).read_bytes()
        version = json.loads(manifest)["version"]
        partial = incoming_folder(self.state) / f".partial-{version}"
        partial.mkdir()
        for path in bundle.iterdir():
            (partial / path.name).write_bytes(path.read_bytes())
        hand_over(partial, self.state, str(version))
        with self.journal() as journal:
            digest = hashlib.sha256(manifest).hexdigest()
            journal.offer_model(version, digest, f"job-{version}", str(version))
        self.wait_for(rf"model: \S+ version {version},")

    def journal(self) -> Journal:
        return Journal.open(self.state / JOURNAL)

    def remembered(self) -> dict[str, object]:
        """Return everything the appliance stores, to compare before and after."""
        with self.journal() as journal:
            tables = ("picks", "decisions", "ratings", "outbox", "requests", "activations")
            kept = {table: journal.rows(f"SELECT * FROM {table}") for table in tables}
        for name in ("slate.json", "pin"):
            path = self.state / name
            kept[name] = path.read_bytes() if path.exists() else None
        # The mark of a model that is being warmed up comes and goes by itself.
        models = json.loads((self.state / "models.json").read_bytes())
        kept["models.json"] = {name: part for name, part in models.items() if name != "trial"}
        return kept

    @property
    def pin(self) -> str:
        return read_or_make_pin(self.state).digits

    @property
    def port(self) -> int:
        return int(self.address.rstrip("/").rpartition(":")[2])

    def command(self, *words: str) -> str:
        """Run a `greenlight` command against it and return its output."""
        done = subprocess.run(
            [sys.executable, "-m", "edge", *words, "--config", str(self.config)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=60,
            check=False,
        )
        return done.stdout + done.stderr

    def wait_for(self, pattern: str, since: int = 0) -> re.Match[str]:
        """Wait until the appliance has printed a line like this."""
        deadline = time.monotonic() + START_SECONDS
        with self._heard:
            while True:
                for line in self.lines[since:]:
                    if found := re.search(pattern, line):
                        return found
                assert self.process is not None
                left = deadline - time.monotonic()
                if left <= 0 or self.process.poll() is not None:
                    raise AssertionError(f"never said {pattern!r}; said:\n" + "\n".join(self.lines))
                self._heard.wait(min(left, 0.5))

    def _listen(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._heard:
                self.lines.append(line.rstrip())
                self._heard.notify_all()


class Visitor:
    """A browser without a screen: one connection per request, and a cookie."""

    def __init__(self, port: int, host: str | None = None, address: str = "127.0.0.1") -> None:
        self.port = port
        self.address = address
        self.host = host or f"localhost:{port}"
        self.cookie = ""
        self.token = ""

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str | None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=30, source_address=(self.address, 0)
        )
        sent: dict[str, str | None] = {"host": self.host, "accept": "text/html"}
        if self.cookie:
            sent["cookie"] = self.cookie
        if method == "POST":
            sent["origin"] = f"http://{self.host}"
            sent["content-type"] = "application/x-www-form-urlencoded"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            kept = {name: value for name, value in sent.items() if value is not None}
            connection.request(method, path, body, kept)
            answer = connection.getresponse()
            content = answer.read()
            got = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, got, content
        finally:
            connection.close()

    def get(self, path: str, **headers: str | None) -> tuple[int, dict[str, str], bytes]:
        return self.ask("GET", path, **headers)

    def post(
        self, path: str, fields: object = (), **headers: str | None
    ) -> tuple[int, dict[str, str], bytes]:
        pairs = list(fields.items()) if isinstance(fields, dict) else list(fields)
        if self.token and not any(name == "token" for name, _ in pairs):
            pairs.append(("token", self.token))
        return self.ask("POST", path, urlencode(pairs).encode(), **headers)

    def sign_in(self, pin: str) -> int:
        status, headers, _ = self.post("/sign-in", {"pin": pin})
        if "set-cookie" in headers:
            self.cookie = headers["set-cookie"].partition(";")[0]
            page = self.get("/")[2].decode()
            self.token = re.search(r'name="token" value="([^"]+)"', page).group(1)
        return status


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str | Path) else str(value)


def keys_folder() -> Path:
    return signing.keys_folder()
