"""Output on the terminal."""

import random
import re

import pytest
from rich.console import Console

from data.manifest import BestUnseen
from edge.search.drawn_slate import draw_slate
from edge.search.pick import choose, choose_drawn
from edge.search.show import bars, heat, pick_table, signed, slate_grid, stars
from edge.search.slate import Slate, Years

from .made_up import model as made_up_model

MODEL = made_up_model(31, directors=30)


def shown(renderable, width=140, color=None):
    console = Console(width=width, force_terminal=True, color_system=color, legacy_windows=False)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


def test_heat_goes_from_cool_to_hot():
    def parts(colour):
        return [int(colour[place : place + 2], 16) for place in (1, 3, 5)]

    coolest, hottest = parts(heat(2, 2, 9)), parts(heat(9, 2, 9))
    assert coolest[2] > coolest[0]
    assert hottest[0] > hottest[2]
    assert heat(1, 2, 9) == heat(2, 2, 9)
    assert re.fullmatch("#[0-9a-f]{6}", heat(5, 5, 5))


@pytest.mark.parametrize(("expected", "said"), [(7.126, "7.13"), (10.4, "10.00"), (0.2, "1.00")])
def test_stars_are_shown_within_the_scale(expected, said):
    assert stars(expected) == said


def test_a_distribution_is_ten_bars():
    drawn = bars([0, 0, 0.01, 0.04, 0.1, 0.2, 0.4, 0.2, 0.05, 0])
    assert len(drawn) == 10
    assert drawn[6] == "█"
    assert drawn[0] == " "


def test_nothing_is_shown_as_minus_zero():
    assert [signed(v) for v in (-0.001, 0.004, -0.0, -0.01, 0.1)] == [
        "0.00", "0.00", "0.00", "-0.01", "+0.10",
    ]  # fmt: skip
    for seed in range(20):
        assert "-0.00" not in shown(pick_table(choose(MODEL, Slate.everything(), 5, seed=seed)))


def test_the_bars_stay_together_on_sixty_columns():
    for answer in (
        choose(MODEL, Slate.everything()),
        choose_drawn(MODEL, draw_slate(MODEL, Slate(sample="any"), random.Random(1))),
    ):
        row = f"1 {bars(answer.picks[0].probabilities)} 10"
        assert row in shown(pick_table(answer), width=60)


def test_the_best_of_very_many_comes_with_what_such_picks_came_to():
    model = made_up_model(31, directors=30)
    answer = choose(model, Slate.everything())
    assert answer.space.size > 36
    assert f"The best of {answer.space.size:,} is partly the luckiest error" in shown(
        pick_table(answer)
    )
    model.best_unseen = BestUnseen(125, 8.01, 7.5, 0.7, 0.52)
    said = choose(model, Slate.everything()).caveat
    assert "Of the 125 films" in said
    assert "52% got 8 stars or more, where it had said 70%; they got 7.50 stars" in said
    drawn = draw_slate(model, Slate(sample="any"), random.Random(1))
    assert choose_drawn(model, drawn).caveat is None


def test_the_grid_has_a_coloured_cell_for_each_candidate_and_marks_the_best():
    answer = choose_drawn(MODEL, draw_slate(MODEL, Slate(sample="any"), random.Random(1)))
    plain = shown(slate_grid(answer))
    for director in answer.slate.directors:
        assert director in plain
    assert plain.count("★") == 1
    for expected in answer.expected:
        assert f" {stars(expected)} " in plain
    colours = set(re.findall(r"48;2;(\d+;\d+;\d+)", shown(slate_grid(answer), color="truecolor")))
    assert len(colours) >= len({round(e, 3) for e in answer.expected}) // 2


def test_an_answer_shows_warnings_faults_and_extrapolated_years():
    model = made_up_model(32, lie=1)
    answer = choose(model, Slate(years=Years(first=model.catalogue.years.last), plausible=False), 3)
    plain = " ".join(shown(pick_table(answer), 300).split())
    assert "disagree" in plain
    assert "every row through ONNX Runtime" in plain
    assert f"{model.catalogue.years.last}*" in plain
    assert "beyond" in plain


def test_a_narrow_terminal_still_shows_every_pick():
    answer = choose(MODEL, Slate(), 4)
    narrow = shown(pick_table(answer), 60)
    assert max(map(len, narrow.splitlines())) <= 60
