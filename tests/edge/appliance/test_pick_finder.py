"""A share of picks explores and is marked; none does if the owner sets the share to zero."""

from __future__ import annotations

import msgspec
import pytest

from data.messages import Feedback
from data.wire import decode
from edge.appliance import Approve, Rate, status
from edge.search.answer import Answer, SlateAnswer
from edge.search.model import Model
from edge.search.slate import Slate

from ..assembly import Assembly, assembled

pytestmark = pytest.mark.numeric

_MOST_PRESSES = 500


@pytest.mark.parametrize("slate", [None, Slate()])
def test_a_share_of_the_picks_is_explored_and_marked(tmp_path, small_bundle, slate):
    """With a share of one, all picks explore, except those that turn out to be the best anyway."""

    async def visit(built: Assembly) -> None:
        model = Model.load(small_bundle)
        built.appliance.slate = slate
        marked: list[bool] = []
        # Press at least a dozen times, and then until an explored pick came before the best.
        while len(marked) < 12 or not (any(marked) or len(marked) == _MOST_PRESSES):
            assert (await built.press()).ok
            pick = built.appliance.pick
            marked.append(pick.explored)
            answer = msgspec.json.decode(built.journal.slate_of(pick.id), type=Answer)
            assert pick.explored == answer.explored
            assert pick.explored == (answer.runner_up.expected > pick.prediction.expected)
            assert model.predict([pick.combination]) == [pick.prediction]
        assert any(marked)
        assert [entry.pick.explored for entry in built.journal.history()] == marked[::-1]
        assert (await status.running(built.appliance))["pick"]["explored"] == marked[-1]

    assembled(tmp_path, small_bundle, visit, explore=1.0)


def test_nothing_is_explored_where_the_owner_says_so(tmp_path, small_bundle):
    async def visit(built: Assembly) -> None:
        for _ in range(12):
            assert (await built.press()).ok
            answer = msgspec.json.decode(
                built.journal.slate_of(built.appliance.pick.id), type=Answer
            )
            assert answer.picks[0].drawn is None
        assert not any(entry.pick.explored for entry in built.journal.history())

    assembled(tmp_path, small_bundle, visit, explore=0.0)


@pytest.mark.parametrize(
    ("slate", "explore", "policy", "propensity"),
    [
        (None, 0.0, "greedy", 1.0),
        (None, 1.0, "thompson", msgspec.UNSET),
        (Slate(), 0.0, "greedy", msgspec.UNSET),
    ],
    ids=["the best of a slate", "a sample of a slate", "the best of everything"],
)
def test_a_rating_says_how_its_film_was_picked(
    tmp_path, small_bundle, slate, explore, policy, propensity
):
    async def visit(built: Assembly) -> None:
        built.appliance.slate = slate
        assert (await built.press()).ok
        assert (await built.appliance.execute(Approve())).ok
        assert (await built.appliance.execute(Rate(7))).ok
        (row,) = built.journal.peek_outbox(9)
        sent = decode(row.payload, Feedback)
        assert (sent.policy, sent.propensity) == (policy, propensity)
        assert sent.explored is built.appliance.pick.explored
        if slate is not None:
            assert sent.slate is msgspec.UNSET
            return
        answer = msgspec.json.decode(built.journal.slate_of(sent.pick_id), type=SlateAnswer)
        grid = sent.slate
        assert (grid.directors, grid.years, grid.sets) == (
            *(answer.slate.directors, answer.slate.years, answer.slate.genre_sets),
        )
        assert len(grid.directors) * len(grid.years) * len(grid.sets) == len(answer.slate.options)

    assembled(tmp_path, small_bundle, visit, explore=explore)
