"""A share of picks explores and is marked; none does if the owner sets the share to zero."""

from __future__ import annotations

import msgspec
import pytest

from edge.appliance import status
from edge.search.answer import Answer
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
