"""What the journal keeps of the ratings that were sent, and of when the cloud was heard."""

from edge.journal import last_heard, sent_in, with_sent

NOON = "2026-11-27T12:30:00Z"


def test_what_was_sent_is_counted_by_the_hours_between_which_it_waited():
    kept = with_sent(None, ["2026-11-27T12:01:00.5Z", "2026-11-27T09:00:00Z"], NOON)
    kept = with_sent({"at": kept.at, "hours": kept.hours}, ["2026-11-27T09:59:59Z"], NOON)
    assert kept.at == NOON
    assert kept.hours == (
        ("2026-11-27T09", "2026-11-27T12", 2),
        ("2026-11-27T12", "2026-11-27T12", 1),
    )


def test_a_day_is_kept_and_no_more_however_long_a_rating_waited():
    kept = with_sent(None, ["2026-11-20T05:00:00Z"], "2026-11-26T14:00:00Z")
    assert kept.hours == (("2026-11-25T15", "2026-11-26T14", 1),)
    later = with_sent({"at": kept.at, "hours": kept.hours}, [], NOON)
    assert later.hours == (("2026-11-26T13", "2026-11-26T14", 1),)
    gone = with_sent({"at": later.at, "hours": later.hours}, [], "2026-11-28T12:00:00Z")
    assert gone.hours == ()


def test_a_clock_that_was_set_in_between_counts_as_now():
    assert with_sent(None, ["2031-01-01T00:00:00Z"], NOON).hours == (
        ("2026-11-27T12", "2026-11-27T12", 1),
    )


def test_what_cannot_be_read_counts_as_nothing():
    for strange in (None, "x", {"at": 5}, {"at": NOON, "hours": [["a", 1]]}):
        assert sent_in(strange) is None
        assert with_sent(strange, [], NOON).hours == ()


def test_the_cloud_was_last_heard_by_a_connection_that_holds_or_by_an_acknowledgement():
    online = {"state": "online", "heard_at": "2026-11-27T08:00:00Z"}
    beat = {"at": "2026-11-27T12:20:00Z"}
    assert last_heard({}) is last_heard({"connection": "x", "heartbeat": beat}) is None
    assert last_heard({"connection": online}) == online["heard_at"]
    assert last_heard({"connection": online, "heartbeat": beat}) == beat["at"]
    offline = {**online, "state": "offline"}
    assert last_heard({"connection": offline, "heartbeat": beat}) == online["heard_at"]
    assert last_heard({"connection": offline, "sent": {"at": NOON}}) == NOON
