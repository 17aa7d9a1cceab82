"""Training and the judge: `training`, `judging`."""

from __future__ import annotations

from tests.mutants.mutation import Mutation

MUTATIONS = (
    Mutation(
        "other-bits-exported", "to the last bit, over every combination",
        "README.md", "training/export/parity.py",
        "    if found.bit_differences:", "    if False:",
        "tests/training/export/test_parity.py::test_one_other_bit_on_another_number_of_threads_is_refused",
    ),
    Mutation(
        "other-probabilities-exported", "to the last bit, over every combination",
        "README.md", "training/export/parity.py",
        "    if not found.probabilities <= HEAD_TOLERANCE:", "    if False:",
        "tests/training/export/test_parity.py::test_probabilities_that_are_not_the_heads_are_refused",
    ),
    Mutation(
        "repeated-film-divided", "never on both sides of a split",
        "docs/model.md", "training/evaluation/splits.py",
        "number, total = in_order_of_appearance(groups)",
        "number, total = np.arange(len(groups)), len(groups)",
        "tests/training/evaluation/test_splits.py::"
        "test_a_film_that_the_table_repeats_is_never_on_both_sides",
    ),
    Mutation(
        "refused-export-written", "`export` refuses the table", "docs/model.md",
        "training/cli/bundles.py",
        '        progress(f"read source {source}", 0.0)\n',
        '        progress(f"read source {source}", 0.0)\n        out.mkdir(parents=True)\n',
        "tests/training/export/test_parity.py::test_a_refused_export_writes_nothing",
    ),
    Mutation(
        "tie-released", "only if ratings it never saw prove it better",
        "README.md", "judging/release.py",
        "better = [one for one in deciding if one.high < 0]",
        "better = [one for one in deciding if one.difference < 0]",
        "tests/judging/test_release.py::"
        "test_a_tie_is_refused_with_how_many_ratings_would_show_the_difference",
        gate=True,
    ),
    Mutation(
        "look-costs-nothing", "so the tenth look against one incumbent must pass at 0.03%",
        "docs/decisions/0016-a-new-model-must-be-shown-to-be-better.md", "judging/paired.py",
        "return ALPHA * 6.0 / (math.pi * look) ** 2", "return ALPHA",
        "tests/judging/test_paired.py::"
        "test_a_later_look_is_judged_more_strictly_and_says_its_level",
    ),
    Mutation(
        "ratings-of-a-director-count-alone", "and the wider interval counts",
        "docs/decisions/0016-a-new-model-must-be-shown-to-be-better.md", "judging/paired.py",
        "for number in numbers or [np.arange(len(stars))]:",
        "for number in [np.arange(len(stars))]:",
        "tests/judging/test_paired.py::test_several_ratings_of_a_director_widen_the_interval",
    ),
    Mutation(
        "loss-released", "a refusal says why", "README.md", "judging/release.py",
        "if one.difference > allowed[one.figure]", "if False",
        "tests/judging/test_release.py::test_a_loss_on_the_table_beyond_its_margin_refuses",
    ),
    Mutation(
        "encoding-guessed", "is refused rather than guessed",
        "docs/your-own-table.md", "training/sources/text_file.py",
        "    if foreign > _MOST_FOREIGN * high:\n", "    if False:\n",
        "tests/training/sources/test_own_table.py"
        "::test_what_cannot_be_read_is_refused_with_file_and_fix",
    ),
    Mutation(
        "domain-overwritten", "never overwrites your corrections",
        "docs/your-own-table.md", "training/inspection.py",
        "    if write and (again or not target.is_file()):\n", "    if True:\n",
        "tests/training/test_inspection.py"
        "::test_an_edited_domain_is_kept_unless_a_new_one_is_asked_for",
    ),
    Mutation(
        "probes-not-checked", "signature, hashes, schema, probes", "docs/model.md",
        "training/export/verify.py",
        "    if not np.array_equal(expected.view(np.int32), scores.expected.view(np.int32)):",
        "    if False:",
        "tests/training/export/test_verify.py::"
        "test_a_correctly_signed_model_that_misses_its_probes_is_refused",
    ),
    Mutation(
        "arrays-unchecked", "every length, index and number is checked", "docs/security.md",
        "training/model/trees.py",
        "        if not np.all((nodes[side] > place)[inner] & (nodes[side] < size)[inner]):",
        "        if False:",
        "tests/training/model/test_trees.py::"
        "test_a_walk_that_would_leave_its_tree_or_never_end_is_refused",
    ),
    Mutation(
        "quota-overrun",
        "When the day's quota (`--quota`, 1,000) is spent the run says so and stops",
        "docs/original.md", "training/sources/omdb_cache.py",
        "        if cache.lookups(day) >= omdb.daily_quota:",
        "        if False:",
        "tests/training/sources/test_omdb.py::test_a_run_stops_at_the_days_quota_and_"
        "the_next_day_goes_on",
    ),
    Mutation(
        "too-few-films", "fewer than 20 films",
        "docs/model.md", "training/export/fitness.py",
        "    if len(table.films) < FEWEST_FILMS:",
        "    if False:",
        "tests/training/export/test_fitness.py::test_a_table_that_cannot_make_a_"
        "useful_model_is_refused_by_file_and_column",
    ),
    Mutation(
        "bad-rows-without-end", "Above 5% bad rows the run stops",
        "docs/model.md", "training/dataset.py",
        "    if table.bad_share > allowed_bad_share:",
        "    if False:",
        "tests/training/sources/test_sources.py::test_over_five_percent_bad_rows_"
        "stop_the_run_unless_allowed",
    ),
    Mutation(
        "table-too-large-learnt-from", "is refused before anything is learned from it",
        "docs/performance.md", "training/export/fitness.py",
        "        check(table)\n    _check_size(table)\n",
        "        check(table)\n",
        "tests/training/export/test_fitness.py::test_a_table_that_cannot_make_a_"
        "useful_model_is_refused_by_file_and_column",
    ),
    Mutation(
        "any-worker", "a worker with other versions is refused by name",
        "docs/performance.md", "training/cluster.py",
        "            if theirs[name] != ours[name]:",
        "            if False:",
        "tests/training/test_cluster.py::test_a_worker_with_other_versions_is_"
        "refused_by_name",
    ),
    Mutation(
        "simulated-trains", "it trains nothing unless you ask for it",
        "docs/glossary.md", "training/retraining/training_set.py",
        "    kept = \"true\" if include_simulated else f\"origin = '{OWNER}'\"",
        "    kept = \"true\"",
        "tests/training/retraining/test_compact.py::test_simulated_ratings_are_left_"
        "out_unless_asked_for",
    ),
    Mutation(
        "corrected-twice-counted", "nothing of the chain trains or judges", "docs/wire-format.md",
        "training/retraining/training_set.py",
        '"ANTI JOIN superseded USING (id) WHERE stars IS NOT NULL"\n',
        '"WHERE stars IS NOT NULL"\n',
        "tests/training/retraining/test_compact.py::"
        "test_in_whatever_order_corrections_arrive_the_set_is_the_same",
    ),
)  # fmt: skip
