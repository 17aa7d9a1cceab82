"""When a new model is released, and the reasons given."""

import msgspec
import pytest

from data.domain import Domain, DomainChoice, DomainOutcome, DomainWords
from data.verdict import Check, Comparison
from judging import release

HELD = Check("size", passed=True, found="it is small")
PLUMBERS = Domain(
    name="plumbers",
    choice=DomainChoice(column="firm", word="firm", words="firms"),
    outcome=DomainOutcome(column="content", low=0, high=90, unit="%"),
    words=DomainWords(thing="plumber", things="plumbers"),
)


def on(part, figure, difference, low, high, films=40):
    return Comparison(part, figure, films, 1.0, 1.0 + difference, difference, low, high)


def feedback(rmse=(-0.2, -0.3, -0.1), log_loss=(-0.1, -0.2, 0.0), regret=(0.0, -0.2, 0.2)):
    figures = {"rmse": rmse, "log_loss": log_loss, "regret": regret}
    return [on("feedback", figure, *values) for figure, values in figures.items()]


def holdout(rmse=0.0, log_loss=0.0, regret=0.0):
    figures = {"rmse": rmse, "log_loss": log_loss, "regret": regret}
    return [
        on("holdout", figure, worse, worse - 0.001, worse + 0.001, 12_000)
        for figure, worse in figures.items()
    ]


def test_better_on_the_ratings_and_nothing_lost_is_released():
    decision, reasons = release.decide(feedback() + holdout(), [HELD])
    assert decision == "release"
    assert reasons[0] == (
        "On 40 held-out ratings the new model is better: "
        "RMSE -0.200 stars (95% interval -0.300 to -0.100)."
    )


@pytest.mark.parametrize("deciding", ["rmse", "log_loss"])
def test_one_of_the_two_deciding_figures_is_enough(deciding):
    tie = (-0.1, -0.3, 0.1)
    other = "log_loss" if deciding == "rmse" else "rmse"
    shown = feedback(**{deciding: (-0.2, -0.3, -0.1), other: tie})
    assert release.decide(shown + holdout(), [HELD])[0] == "release"


def test_regret_alone_does_not_decide():
    only = feedback(rmse=(-0.1, -0.3, 0.1), log_loss=(0, -1, 1), regret=(-0.5, -0.9, -0.1))
    assert release.decide(only + holdout(), [HELD])[0] == "refuse"


def test_a_tie_is_refused_with_how_many_ratings_would_show_the_difference():
    tie = feedback(rmse=(-0.1, -0.3, 0.1), log_loss=(0.0, -0.2, 0.2))
    decision, reasons = release.decide(tie + holdout(), [HELD])
    assert decision == "refuse"
    (reason,) = reasons
    assert "isn't shown to be better" in reason
    assert "A tie is not released." in reason
    # The interval reaches 0.2 above a difference of 0.1: half of it needs 4 x the ratings.
    assert "about 160 held-out ratings would show it" in reason


def test_a_tie_with_nothing_in_its_favour_promises_nothing():
    tie = feedback(rmse=(0.05, -0.1, 0.2), log_loss=(0.0, -0.2, 0.2))
    decision, reasons = release.decide(tie + holdout(), [HELD])
    assert decision == "refuse"
    (reason,) = reasons
    assert "would show it" not in reason


@pytest.mark.parametrize("figure", ["rmse", "log_loss", "regret"])
def test_a_figure_shown_to_be_worse_on_the_ratings_refuses_even_if_others_are_better(figure):
    worse = feedback(**{figure: (0.2, 0.1, 0.3)})
    decision, reasons = release.decide(worse + holdout(), [HELD])
    assert decision == "refuse"
    assert "On 40 held-out ratings the new model is worse" in reasons[0]


@pytest.mark.parametrize("figure", ["rmse", "log_loss", "regret"])
def test_a_loss_on_the_table_beyond_its_margin_refuses(figure):
    little = feedback(rmse=(-0.02, -0.03, -0.01), log_loss=(-0.02, -0.03, -0.01))
    within, beyond = release.MARGIN[figure] - 0.001, release.MARGIN[figure] + 0.001
    assert release.decide(little + holdout(**{figure: within}), [HELD])[0] == "release"
    decision, reasons = release.decide(little + holdout(**{figure: beyond}), [HELD])
    assert decision == "refuse"
    assert "12,000 films of the table" in reasons[0]


def test_with_every_director_rated_the_ratings_alone_decide():
    decision, reasons = release.decide(feedback(), [HELD])
    assert decision == "release"
    assert "the ratings alone decide" in reasons[-1]


def test_a_larger_gain_on_the_ratings_allows_a_larger_loss_on_the_table():
    much = feedback(rmse=(-0.4, -0.5, -0.3), log_loss=(-0.4, -0.5, -0.3))
    assert release.decide(much + holdout(rmse=0.07, log_loss=0.07), [HELD])[0] == "release"
    decision, (reason,) = release.decide(much + holdout(rmse=0.08), [HELD])
    assert decision == "refuse"
    assert "more than the 0.07 allowed" in reason


def test_a_failed_check_refuses_with_what_it_found():
    failed = Check("latency", passed=False, found="a row takes 3 times as long")
    decision, reasons = release.decide(feedback() + holdout(), [HELD, failed])
    assert (decision, reasons) == ("refuse", ("Latency: a row takes 3 times as long.",))


def test_a_first_filter_without_held_out_ratings_refuses_by_table_and_checks_alone():
    decision, reasons = release.decide(holdout(), [HELD], by_ratings=False)
    assert decision == "release"
    assert reasons[0] == "Training sees no held-out ratings, so by them the judge decides."
    failed = msgspec.structs.replace(HELD, passed=False)
    assert release.decide(holdout(), [failed], by_ratings=False)[0] == "refuse"


@pytest.mark.parametrize(("low", "filtered"), [(-0.1, "release"), (0.01, "refuse")])
def test_a_first_filter_refuses_a_loss_on_the_table_only_where_it_is_shown(low, filtered):
    lost = [*holdout()[:2], on("holdout", "regret", 0.2, low, 0.5, 285)]
    assert release.decide(lost, [HELD], by_ratings=False)[0] == filtered
    assert release.decide(feedback() + lost, [HELD])[0] == "refuse"


def test_a_domain_reads_the_reasons_in_its_words_and_on_its_scale():
    # A star of ten is ten of its ninety percent.
    decision, reasons = release.decide(feedback() + holdout(), [HELD], about=PLUMBERS)
    assert decision == "release"
    assert reasons[0] == (
        "On 40 held-out ratings the new model is better: "
        "RMSE -2.000 % (95% interval -3.000 to -1.000)."
    )
    assert "12,000 plumbers of the table by firms whom no owner has rated" in reasons[-1]
    lost = holdout(rmse=0.08, log_loss=0.0)
    decision, (reason,) = release.decide(feedback() + lost, [HELD], about=PLUMBERS)
    assert decision == "refuse"
    assert "worse by more than the 0.25 allowed: RMSE +0.800 %" in reason
    assert "by firm only" in release.how_judged(1, 1, PLUMBERS)
    assert release.named("rmse", PLUMBERS) == "RMSE, %"
    assert release.named("log_loss", PLUMBERS) == "log loss"
