"""The download of IMDb's tables: only missing files, and never half a file."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from training.errors import SourceUnavailable
from training.sources import imdb_download

from .test_imdb import lay, read


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A server of IMDb's files; `.replies` may replace one by bytes or by an HTTP status."""
    (tmp_path / "served").mkdir()
    served = lay(tmp_path / "served")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.removeprefix("/").removesuffix(".tsv.gz")
            server.asked.append(name)
            path = served / f"{name}.tsv"
            body = (
                gzip.compress(path.read_bytes())
                if path.is_file()
                else (served / f"{name}.tsv.gz").read_bytes()
            )
            self.send_response(server.status.get(name, 200))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) - server.cut.get(name, 0)])

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.status, server.cut = [], {}, {}
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv(imdb_download.ADDRESS_VARIABLE, f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("mirror")
def test_the_download_gives_a_folder_that_can_be_read_and_says_how_far_it_is(tmp_path):
    steps = []
    imdb_download.download(tmp_path / "fresh", lambda step, done: steps.append((step, done)))
    assert len(read(tmp_path / "fresh")[0]) == 6
    assert steps[0][0] == "download title.basics"
    assert steps[-1] == ("download name.basics", 1.0)


def test_a_second_download_fetches_only_what_is_missing(mirror, tmp_path):
    imdb_download.download(tmp_path / "fresh", lambda *_: None)
    mirror.asked.clear()
    (tmp_path / "fresh" / "title.crew.tsv.gz").unlink()
    imdb_download.download(tmp_path / "fresh", lambda *_: None)
    assert mirror.asked == ["title.crew"]


@pytest.mark.parametrize("fault", ["status", "cut"])
def test_a_failed_download_leaves_no_half_file(mirror, tmp_path, fault):
    getattr(mirror, fault)["title.crew"] = {"status": 503, "cut": 5}[fault]
    with pytest.raises(SourceUnavailable, match=r"title\.crew.*leave --download out"):
        imdb_download.download(tmp_path / "fresh", lambda *_: None)
    assert [path.name for path in (tmp_path / "fresh").iterdir()] == ["title.basics.tsv.gz"]


def test_without_a_network_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv(imdb_download.ADDRESS_VARIABLE, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(SourceUnavailable, match=r"refused.*on a machine that has a network"):
        imdb_download.download(tmp_path / "fresh", lambda *_: None)
