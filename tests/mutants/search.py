"""The exact search: `edge/search`."""

from __future__ import annotations

from tests.mutants.mutation import Mutation

MUTATIONS = (
    Mutation(
        "tie-by-director", "to the last bit, over every combination",
        "README.md", "edge/search/top.py",
        "(scores == self.floor) & (directors <= self._last_director)",
        "(scores == self.floor) & (directors < self._last_director)",
        "tests/edge/search/test_top.py::test_of_equal_scores_the_first_by_director_year_and_genres_wins",
        gate=True,
    ),
    Mutation(
        "tie-by-year", "to the last bit, over every combination", "README.md", "edge/search/top.py",
        "(cells.sets, self._years_of(cells), cells.directors, -scores)",
        "(self._years_of(cells), cells.sets, cells.directors, -scores)",
        "tests/edge/search/test_top.py::test_of_equal_scores_the_first_by_director_year_and_genres_wins",
    ),
    Mutation(
        "floor-shuts-equals-out", "to the last bit, over every combination",
        "README.md", "edge/search/top.py",
        "wanted &= scores >= self._reached[directors]",
        "wanted &= scores > self._reached[directors]",
        "tests/edge/search/test_bounds.py::"
        "test_of_equal_films_of_a_director_the_first_in_order_wins_however_late_it_is_found",
    ),
    Mutation(
        "rules-not-kept", "nothing that you allow scores higher", "docs/picking.md",
        "edge/search/forbidden.py",
        "both = self.directors[directors] & self.sets[sets]",
        "both = self.directors[directors] * 0",
        "tests/edge/search/test_rules.py::"
        "test_the_best_under_any_rules_is_what_scoring_every_allowed_row_finds",
    ),
    Mutation(
        "stars-need-not-agree", "you can prove it", "README.md", "edge/search/exact.py",
        "np.array_equal(found.scores, rows.score) and same_bits.all()",
        "np.array_equal(found.scores, rows.score)",
        "tests/edge/search/test_exact.py::test_agreement_means_every_bit_of_score_and_stars",
        gate=True,
    ),
    Mutation(
        "lying-tables-believed", "you can prove it", "README.md", "edge/search/exact.py",
        "if agrees(found, rows):", "if True:",
        "tests/edge/search/test_exact.py::"
        "test_tables_that_lie_are_found_out_and_the_answer_is_still_right",
    ),
    Mutation(
        "existing-title", "never an existing title",
        "docs/picking.md", "edge/search/titles.py",
        "        return not exists and lower not in self._taken",
        "        return lower not in self._taken",
        "tests/edge/search/test_titles.py::test_no_title_exists_already_or_is_made_twice",
    ),
    Mutation(
        "years-need-not-differ", "repeat the option to have them differ in several",
        "docs/picking.md", "edge/search/different.py",
        "        kept = space.years != cells.years[0]",
        "        kept = space.years >= 0",
        "tests/edge/search/test_rules.py::test_what_an_exact_search_lists_differs_as_asked",
    ),
    Mutation(
        "press-without-rules", "They also hold for a press and its slate of 36",
        "docs/picking.md", "edge/search/drawn_slate.py",
        "        genre_sets = _draw_genre_sets(entries, years, own_sets, rng, sets, bans)",
        "        genre_sets = _draw_genre_sets(entries, years, own_sets, rng, sets, [])",
        "tests/edge/search/test_rules.py::test_a_slate_of_36_keeps_the_rules",
    ),
)  # fmt: skip
