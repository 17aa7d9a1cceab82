"""What is said about a job is something that AWS takes."""

from __future__ import annotations

from unicodedata import category

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from cloud_sync.job_messages import update_request


@given(st.text(max_size=3_000))
@example("")
@example("catalogue.json:\n\tline 1\x00 \u202e evil \ud800")
def test_a_detail_is_never_empty_too_long_or_unprintable(reason: str) -> None:
    """AWS IoT takes 1 to 1,024 characters, none of them of Unicode's category C."""
    sent = msgspec.json.decode(update_request("FAILED", "conclusion", reason=reason))
    detail = sent["statusDetails"]["reason"]
    assert 1 <= len(detail) <= 1_024
    assert not any(category(character).startswith("C") for character in detail)
    if reason and not any(category(character).startswith("C") for character in reason):
        assert detail == reason[:1_024], "plain words stay as they are"
