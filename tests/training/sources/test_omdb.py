"""Looking films up at OMDb: quotas, faults, and what each costs."""

import pytest

from training.sources import omdb, omdb_cache

from . import omdb_server as server_of
from .omdb_server import at

QUESTION = omdb.Question("A film", 1994)


def learn(server, tmp_path, *questions, **changed):
    with omdb_cache.Cache(tmp_path / "cache.db") as cache:
        omdb_cache.learn(questions or [QUESTION], cache, at(server, **changed), lambda *_: None)
        return [cache.find(question) for question in questions or [QUESTION]]


def test_a_bad_key_is_reported_at_once_without_the_key(server, tmp_path):
    server.replies["A film"] = server_of.BAD_KEY
    with pytest.raises(
        omdb.BadKey, match=r"does not accept the key in OMDB_API_KEY.*Invalid"
    ) as raised:
        learn(server, tmp_path)
    assert len(server.asked) == 1
    assert server_of.KEY not in str(raised.value) + repr(at(server))


def test_a_run_stops_at_the_days_quota_and_the_next_day_goes_on(server, tmp_path):
    questions = [omdb.Question(f"Film {n}", 2000) for n in range(5)]
    with pytest.raises(omdb.QuotaSpent, match=r"today's 3 OMDb lookups.*3 of 5 films are known"):
        learn(server, tmp_path, *questions, daily_quota=3, today=lambda: "2026-01-01")
    with pytest.raises(omdb.QuotaSpent):
        learn(server, tmp_path, *questions, daily_quota=3, today=lambda: "2026-01-01")
    assert len(server.asked) == 3
    replies = learn(server, tmp_path, *questions, daily_quota=3, today=lambda: "2026-01-02")
    assert server.names == [f"Film {n}" for n in range(5)]
    assert all(reply.found for reply in replies)


def test_a_quota_that_omdb_itself_declares_spent_stops_at_once(server, tmp_path):
    server.replies["A film"] = server_of.LIMIT
    with pytest.raises(
        omdb.QuotaSpent, match=r"Request limit reached!.*the same command continues"
    ):
        learn(server, tmp_path)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "fault", [server_of.TOO_MANY, server_of.DOWN, server_of.BROKEN, server_of.SLOW]
)
def test_a_passing_fault_is_tried_again(server, tmp_path, fault):
    server.replies["A film"] = [fault, server_of.found()]
    assert learn(server, tmp_path, timeout_seconds=0.3)[0].director == "Frank Darabont"
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("fault", "words"),
    [(server_of.TOO_MANY, "429"), (server_of.DOWN, "503"), (server_of.SLOW, "timed out")],
)
def test_a_lasting_fault_ends_the_run_with_its_reason(server, tmp_path, fault, words):
    server.replies["A film"] = fault
    with pytest.raises(omdb.Unreachable, match=rf"3 attempts.*{words}.*run later"):
        learn(server, tmp_path, timeout_seconds=0.1, attempts=3)
    assert len(server.asked) == 3


def test_attempts_are_spaced_with_full_jitter_and_a_cap(server, tmp_path):
    server.replies["A film"] = server_of.DOWN
    waited = []
    with pytest.raises(omdb.Unreachable):
        learn(server, tmp_path, attempts=8, retry_cap_seconds=5.0, pause=waited.append)
    assert len(waited) == 7
    assert all(0 <= seconds <= min(5.0, 2.0**n) for n, seconds in enumerate(waited, start=1))
    assert len(set(waited)) == 7
