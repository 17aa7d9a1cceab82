"""Any request to any route: no server error, and nothing changed."""

from __future__ import annotations

import random
from urllib.parse import quote, quote_from_bytes, urlencode

import pytest

from data.ids import new_id
from edge.page.app import ROUTES

from .running_appliance import RunningAppliance, Visitor

ROUNDS = 700
NASTY = (
    *("", " ", "0", "-1", "11", "1e9", "NaN", "inf", "true", "null", "[]", "{}", "None", "7.5"),
    *("9" * 400, "x" * 5000, "\x00", "\r\nset-cookie: a=b", "'", '"', "<b>", "{{7*7}}", "%", "%zz"),
    *("../../etc/passwd", "Å" * 300, "\u202e", "\ufeff", "🎬", "a\x7fb", "٣"),
    *("Agnès Varda", "1985", "Drama", "film", "yes", "9" * 6, "-9999", "2147483648"),
)
FIELDS = (
    *("token", "pick_id", "stars", "rating", "back", "draw", "director", "directors", "first"),
    *("last", "genre", "kind", "plausible", "find", "q", "pin", "use", "show", "done", "x[]", ""),
)
TYPES = (
    *("application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=latin-1"),
    *("multipart/form-data; boundary=x", "application/json", "text/plain", "", "a/b/c", "\xff"),
)
# A right token alone makes these do what they are for.
NEED_ONLY_A_TOKEN = {"/press", "/synchronise", "/sign-out"}


class Chaos:
    """Makes requests that no browser would."""

    def __init__(self, seed: int, owner: Visitor, known: tuple[str, ...]) -> None:
        self._random = random.Random(seed)
        self._owner = owner
        self._known = known

    def send(self) -> tuple[str, str, int]:
        draw = self._random
        route = draw.choice(ROUTES)
        path = route.path.replace("{name}", quote(draw.choice(NASTY)))
        # A stream of events has no end to wait for; `test_live` is about it.
        gentle = () if path == "/events" else ("GET", "HEAD")
        method = draw.choice((*gentle, "POST", "POST", "POST"))
        query = self._form(route.path) if draw.random() < 0.3 else ""
        body = self._body(route.path) if method == "POST" else None
        headers = {"content-type": draw.choice(TYPES[:1] * 6 + TYPES)} if body is not None else {}
        if draw.random() < 0.2:
            name = draw.choice(("accept", "cookie", "if-none-match", "range", "accept-encoding"))
            # A request that http.client refuses to send can't reach the page.
            headers[name] = quote(draw.choice(NASTY))[:900]
        target = f"{path}?{query}" if query else path
        status, _, _ = self._owner.ask(method, target, body, **headers)
        return method, target, status

    def _body(self, path: str) -> bytes:
        draw = self._random
        match draw.randrange(6):
            case 0:
                return draw.randbytes(draw.choice((0, 1, 50, 5000, 40_000)))
            case 1:
                return quote_from_bytes(draw.randbytes(200)).encode()
            case 2:
                return b'{"stars": 9, "pick_id": [1, {}]}'
            case _:
                return self._form(path).encode()

    def _form(self, path: str) -> str:
        draw = self._random
        pairs = [
            (draw.choice(FIELDS), draw.choice(NASTY)) for _ in range(draw.choice((0, 2, 5, 60)))
        ]
        if path not in NEED_ONLY_A_TOKEN and draw.random() < 0.8:
            pairs = [pair for pair in pairs if pair[0] != "token"]
            pairs.append(("token", self._owner.token))
        if path == "/rate":
            # Of a film that does await its rating: then the stars must be what is wrong.
            pairs = [pair for pair in pairs if pair[0] not in ("stars", "pick_id")]
            pairs.append(("pick_id", draw.choice((*self._known, new_id()))))
            pairs.append(("stars", draw.choice(("0", "11", "x", "", "9" * 9, "7.5"))))
        if path == "/narrow":
            pairs.append(("kind", "opera"))
            pairs = [("draw", "space") if pair[0] == "draw" else pair for pair in pairs]
        return urlencode(pairs, errors="surrogatepass")


@pytest.fixture
def films(appliance: RunningAppliance, owner: Visitor) -> tuple[str, ...]:
    """One film that waits for its rating, and one for a decision."""
    found = []
    for _ in range(2):
        said = len(appliance.lines)
        owner.post("/press")
        appliance.wait_for(r"^pick: ", said)
        with appliance.journal() as journal:
            found.append(journal.waiting_pick().id)
        if len(found) == 1:
            owner.post("/approve", {"pick_id": found[0]})
    return tuple(found)


def test_no_request_harms(appliance: RunningAppliance, owner: Visitor, films: tuple[str, ...]):
    chaos = Chaos(20261122, owner, films[:1])
    before = appliance.remembered()
    sent = [chaos.send() for _ in range(ROUNDS)]
    assert [one for one in sent if one[2] >= 500] == []
    assert appliance.remembered() == before
    assert {status for _, _, status in sent} >= {200, 400, 403, 404, 405, 413, 415, 422}
    assert owner.get("/")[0] == 200
    assert "Traceback" not in "\n".join(appliance.lines)
