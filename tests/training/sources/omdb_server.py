"""A server on loopback that speaks OMDb's replies, as its documentation and forums show them."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

from training.sources import omdb
from training.sources.options import Options

KEY = "0badcafe"


def found(director="Frank Darabont", genre="Drama, Crime"):
    """A reply as OMDb gives it, with fields that we do not read."""
    return 200, {
        "Title": "A film",
        "Year": "1994",
        "Director": director,
        "Genre": genre,
        "imdbRating": "9.3",
        "imdbVotes": "2,800,000",
        "Ratings": [{"Source": "Internet Movie Database", "Value": "9.3/10"}],
        "Type": "movie",
        "Response": "True",
    }


UNKNOWN = 200, {"Response": "False", "Error": "Movie not found!"}
BAD_KEY = 401, {"Response": "False", "Error": "Invalid API key!"}
LIMIT = 401, {"Response": "False", "Error": "Request limit reached!"}
TOO_MANY = 429, {"Response": "False", "Error": "Too many requests"}
DOWN = 503, b"<html>down for maintenance</html>"
BROKEN = 200, b'{"Title":"A "quoted" film","Response":"True"'
SLOW = "slow"


class OmdbServer:
    """Answers by film name; a list of replies is used up one by one, the last one stays."""

    def __init__(self):
        self.replies = {}
        self.asked = []
        self._over = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer._answer(self)

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}/"

    def _answer(self, handler):
        fields = {key: value[0] for key, value in parse_qs(urlparse(handler.path).query).items()}
        self.asked.append(fields)
        replies = self.replies.get(fields["t"], found())
        if isinstance(replies, list):
            replies = replies.pop(0) if len(replies) > 1 else replies[0]
        if fields["apikey"] != KEY:
            replies = BAD_KEY
        if replies == SLOW:
            self._over.wait()  # an answer that never comes
            return
        status, body = replies
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    @property
    def names(self):
        return [fields["t"] for fields in self.asked]

    def close(self):
        self._over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def at(server, options=None, **changed):
    """Return a client of this server that makes real attempts without waiting between them."""
    settings = {"pause": lambda seconds: None, "daily_quota": (options or Options()).daily_quota}
    return omdb.Omdb(KEY, server.address, **(settings | changed))
