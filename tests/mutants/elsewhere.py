"""Promises without a mutation: what holds each of them instead."""

from __future__ import annotations

from typing import NamedTuple


class Held(NamedTuple):
    """A promise that another test or campaign holds.

    Attributes:
        doc: the page that promises it.
        promise: words of it.
        by: the test, the `make` target, or why nothing here can hold it.
    """

    doc: str
    promise: str
    by: str


_REALITY = "nothing here: only AWS can show it"
_BENCH = "make bench"

HELD = (
    Held("README.md", "ends by itself and leaves nothing running",
         "tests/local_cloud/demo/test_steps.py::test_the_whole_story_is_played_and_nothing_is_left_running"),
    Held("docs/architecture.md", "import-linter enforces these imports", "make architecture"),
    Held("docs/appliance.md", "presses the button and cuts the power at random moments",
         "make vm-test"),
    Held("docs/appliance.md", "is rolled back automatically; picks and ratings are kept either way",
         "make boot-test"),
    Held("docs/architecture.md", "can replay a month offline", "tests/cloud_sync/"
         "test_month_offline.py::test_a_month_offline_drains_in_order_at_the_clouds_limits"),
    Held("docs/aws.md", "refuse its certificates", "tests/lambdas/test_who_may.py::"
         "test_a_withdrawn_certificate_is_let_in_nowhere"),
    # Held twice: SageMaker, too, takes a job's name once.
    Held("docs/aws.md", "call it twice and it trains once", "tests/lambdas/start_retraining/"
         "test_start.py::test_asked_twice_for_the_same_time_it_trains_once"),
    Held("docs/aws.md", "What only AWS can show", _REALITY),
    Held("docs/costs.md", "check each one before you rely on it",
         "nothing here: prices are AWS's, and change"),
    Held("docs/costs.md", "count the files and bytes of a bundle", "tests/test_costs.py::"
         "test_a_model_is_fetched_in_as_many_gets_as_its_bundle_has_files"),
    Held("docs/extending.md", "`greenlight-train dataset | export --source NAME` knows it",
         "tests/training/sources/test_sources.py::test_a_source_is_added_by_naming_its_reader"),
    Held("docs/extending.md", "is a complete example", "tests/examples/test_examples.py::"
         "test_second_button_approves_the_pick_that_waits"),
    Held("docs/local-cloud.md", "A function whose role doesn't allow a write fails here",
         "tests/lambdas/test_training_jobs.py::"
         "test_a_job_may_not_read_what_its_role_may_not"),
    Held("docs/local-cloud.md", "`stop` loses nothing", "tests/local_cloud/test_commands.py::"
         "test_stopped_it_keeps_all_killed_it_leaves_nothing_running_and_fresh_it_forgets"),
    # Any export with other tables is refused, so no test gets to see them.
    Held("docs/model.md", "the usual size of the error", "tests/training/export/test_compile.py::"
         "test_the_errors_tables_are_the_models_sizes_to_the_bit"),
    Held("docs/model.md", "On slates of 36 it picks better than everything else", "make report"),
    Held("docs/performance.md", "*Must* is what we promise", _BENCH),
    Held("docs/performance.md", "the result is the same to the bit",
         "tests/training/test_cluster.py::test_every_method_predicts_the_same_there"),
    Held("docs/performance.md", "It proves that each choice took effect", "make numeric"),
    Held("docs/performance.md", "were +0.452 stars", "make learn"),
    Held("docs/page.md", "with a screen reader", "tests/edge/page/test_accessibility.py::"
         "test_axe_core_finds_nothing"),
    Held("docs/picking.md", "the message names a limit or rule without which something would",
         "tests/edge/search/test_pick.py::"
         "test_when_nothing_matches_the_limit_that_would_help_is_named"),
    Held("docs/releasing.md", "holds the wheel, `greenlight-pi.tar.gz` and checksums",
         "tests/test_release.py::test_a_release_is_whole_and_checked_by_its_sums"),
    Held("docs/releasing.md", "the functions read every version of a record",
         "tests/data/test_golden.py::"
         "test_a_golden_example_is_read_and_written_again_without_loss"),
    Held("docs/security.md", "all of it must succeed", "make siege"),
    Held("docs/security.md", "compares what it reaches with this table",
         "tests/systemd/test_reach.py::test_a_service_reaches_what_the_page_on_security_says"),
    Held("docs/states.md", "do not edit", "tests/edge/appliance/test_diagram.py::"
         "test_docs_states_is_current"),
    Held("docs/wire-format.md", "They are never edited", "tests/data/test_golden.py::"
         "test_a_golden_example_is_read_and_written_again_without_loss"),
)  # fmt: skip
