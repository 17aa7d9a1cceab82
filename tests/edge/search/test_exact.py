"""An answer must agree with scoring every row; without tables, every row is scored."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.appliance.pick_finder import find_pick
from edge.search.exact import agrees
from edge.search.model import Rows
from edge.search.pick import choose
from edge.search.search_space import Cells
from edge.search.slate import Slate
from edge.search.top import Found

from .made_up import model as made_up_model
from .plain import best_of, combinations_of
from .test_best import check, models, slates

pytestmark = pytest.mark.numeric


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_model_without_tables_is_searched_row_by_row_to_the_same_end(data):
    model = data.draw(models(with_tables=False))
    slate = data.draw(slates(model.catalogue))
    check(model, slate, 3, data.draw(st.booleans()))


def test_a_model_without_tables_warns_that_it_is_slow():
    answer = choose(made_up_model(with_tables=False), Slate.everything())
    assert answer.searched == "rows"
    assert "no tables" in answer.warnings[0]


def test_a_search_row_by_row_shows_that_it_goes_on():
    reported = []
    find_pick(
        made_up_model(with_tables=False),
        Slate.everything(),
        (),
        seed=1,
        made_at="",
        boot_id="",
        progress=lambda done, of: reported.append((done, of)),
    )
    done, of = reported[-1]
    assert done == of > 0


@pytest.mark.parametrize("plausible", [True, False])
def test_tables_that_lie_are_found_out_and_the_answer_is_still_right(plausible):
    # The graph's own sums are one more than the tables it gives.
    model = made_up_model(3, lie=1)
    slate = Slate(plausible=plausible)
    answer = choose(model, slate, 5)
    assert "disagree" in str(answer.fault)
    assert answer.searched == "rows"
    wanted = best_of(model, combinations_of(slate, model.catalogue), 5, False)
    assert [pick.combination for pick in answer.picks] == [film for film, _ in wanted]
    assert [pick.prediction for pick in answer.picks] == [said for _, said in wanted]


def test_agreement_means_every_bit_of_score_and_stars():
    scores = np.array([34599, 34525], np.int32)
    cells = Cells(*(np.zeros(2, np.int64) for _ in range(3)))
    exact = scores.astype(np.float32) * np.float32(2**-12)
    found = Found(scores, cells)
    assert agrees(found, Rows(exact, scores, None))
    one_bit_off = exact.copy()
    one_bit_off[1] = np.nextafter(exact[1], np.float32(9))
    assert not agrees(found, Rows(one_bit_off, scores, None))
    assert not agrees(found, Rows(exact, scores + np.array([0, 1], np.int32), None))
    assert not agrees(found, Rows(exact, None, None))
