"""More promises, page by page, so that each page of the documentation has some; as in `table.py`.

What no single change breaks, or only a campaign shows, is in `elsewhere.py`.
"""

from __future__ import annotations

from tests.mutants import table
from tests.mutants.table import Mutation

_OF_PAGES = (
    # The owner's pages: appliance, page, picking, states.
    Mutation(
        "presses-never-ignored", "more than ten in ten seconds",
        "docs/appliance.md", "edge/appliance/appliance.py",
        "        if len(self._presses) <= _MOST_PRESSES:",
        "        if True:",
        "tests/edge/appliance/test_appliance.py::test_noise_on_a_real_button_"
        "does_not_flood_picks",
    ),
    Mutation(
        "closed-button-holds",
        "Until the contact has been open for two seconds, holding does nothing",
        "docs/appliance.md", "edge/panel/button.py",
        "        if self._suspect and was_open < _OPEN_SECONDS:",
        "        if False:",
        "tests/edge/panel/test_button.py::test_taps_on_a_normally_closed_button_"
        "never_switch_the_machine_off",
    ),
    Mutation(
        "failing-card-unnoticed", "the card may be failing",
        "docs/appliance.md", "edge/appliance/storage.py",
        "    if found != written and len(found) == _PROBE_BYTES:",
        "    if False:",
        "tests/edge/appliance/test_storage.py::test_a_card_that_returns_something_"
        "else_is_noticed",
    ),
    Mutation(
        "failure-of-the-card-passes", "the disk takes no more writes",
        "docs/appliance.md", "edge/appliance/storage.py",
        "            self._failure = error\n",
        "            self._failure = None\n",
        "tests/edge/appliance/test_storage.py::test_a_failure_stays_until_a_write_"
        "succeeds_again",
    ),
    Mutation(
        "closed-page-stops-its-request", "goes on even if you close it",
        "docs/page.md", "edge/appliance/page_verbs.py",
        "return await asyncio.shield(self._appliance.begin(verb.command))",
        "return await self._appliance.begin(verb.command)",
        "tests/edge/appliance/test_page_verbs.py::test_an_approval_that_has_begun_is_"
        "finished_although_its_request_ends",
    ),
    Mutation(
        "failed-search-loses-pick", "a search that fails leaves the pick before it waiting",
        "docs/page.md", "edge/appliance/appliance.py",
        "        if waiting and not outcome.ok:",
        "        if False:",
        "tests/edge/appliance/test_appliance.py::test_a_search_that_fails_leaves_the_"
        "pick_before_it_to_be_approved",
    ),
    Mutation(
        "page-loads-from-anywhere", "Nothing is loaded from elsewhere and nothing is inline",
        "docs/page.md", "edge/page/middleware.py",
        "default-src 'none'; style-src 'self'",
        "default-src *; style-src 'self'",
        "tests/edge/page/test_middleware.py::test_every_response_carries_the_"
        "security_headers",
    ),
    Mutation(
        "explored-unmarked", "on the slate, in the history and in the CSV",
        "docs/page.md", "edge/journal/spreadsheet.py",
        "\"yes\" if pick.explored else \"no\",",
        "\"no\",",
        "tests/edge/journal/test_spreadsheet.py::"
        "test_a_pick_that_was_drawn_to_learn_from_is_marked",
    ),
    Mutation(
        "existing-title", "never an existing title",
        "docs/picking.md", "edge/search/titles.py",
        "        return not exists and lower not in self._taken",
        "        return lower not in self._taken",
        "tests/edge/search/test_titles.py::test_no_title_exists_already_or_is_made_twice",
    ),
    Mutation(
        "years-need-not-differ", "repeat it to have them differ in several",
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
    Mutation(
        "approved-but-still-waiting", "DECIDING --> READY: PICK_APPROVED",
        "docs/states.md", "edge/appliance/machine.py",
        "Event.PICK_APPROVED: _everywhere(_STAY, DECIDING=Row(Phase.READY)),",
        "Event.PICK_APPROVED: _everywhere(_STAY),",
        "tests/edge/appliance/test_machine.py::test_every_event_in_every_phase_does_"
        "what_is_expected",
    ),
    # docs/security.md: what came last.
    Mutation(
        "no-pace", "50 answers a second for a user",
        "docs/security.md", "edge/appliance/line_server.py",
        "self._next_at[uid] = at + 1.0 / self._limits.per_second",
        "self._next_at[uid] = at",
        "tests/edge/appliance/test_line_server.py::test_a_user_is_answered_only_so_often",
    ),
    Mutation(
        "silence-waited-for", "a minute of silence",
        "docs/security.md", "edge/appliance/line_server.py",
        "async with asyncio.timeout(self._limits.idle_seconds):",
        "async with asyncio.timeout(600.0):",
        "tests/edge/appliance/test_line_server.py::test_silent_callers_and_"
        "endless_lines_are_cut_off",
    ),
    Mutation(
        "anyone-controls", "the peer's credentials are checked, not only the socket's mode",
        "docs/security.md", "edge/appliance/control_socket.py",
        "    if uid in (0, own_uid) or gid == own_gid:",
        "    if True:",
        "tests/edge/appliance/test_control_socket.py::test_others_may_not",
    ),
    Mutation(
        "same-version-other-content", "the same version with other content is refused as well",
        "docs/security.md", "data/seen.py",
        "    if manifest_sha256 == last.manifest_sha256:",
        "    if True:",
        "tests/cloud_sync/test_ratchet.py::test_another_bundle_of_the_same_version_"
        "is_refused",
    ),
    Mutation(
        "version-jumps-far", "a release is at most 10,000 above the highest before it",
        "docs/security.md", "data/seen.py",
        "    if too_far := refuse_jump(version, last.version):",
        "    if too_far := \"\":",
        "tests/cloud_sync/test_ratchet.py::test_a_signed_version_out_of_bounds_or_"
        "too_far_on_is_refused_and_the_next_is_taken",
    ),
    Mutation(
        "lost-trust-forgotten", "doesn't bring the old keys back",
        "docs/security.md", "edge/models/update.py",
        "        if trust.version < known.trust:",
        "        if False:",
        "tests/edge/models/test_update.py::test_an_expired_or_lost_trust_document_"
        "accepts_nothing_new",
    ),
    Mutation(
        "trust-without-voucher", "Once a trust document has arrived, its roles decide",
        "docs/security.md", "data/trust.py",
        "    if vouched_by is not None and not signed.signed_by(vouched_by):",
        "    if False:",
        "tests/data/test_trust.py::test_a_device_with_plain_keys_is_taken_over_by_"
        "one_of_them",
    ),
    Mutation(
        "lock-for-a-minute-only", "doubles that, up to an hour",
        "docs/security.md", "edge/appliance/sign_in.py",
        "FIRST_LOCK_SECONDS * 2.0 ** min(beyond, 16)",
        "FIRST_LOCK_SECONDS * 1.0 ** min(beyond, 16)",
        "tests/edge/appliance/test_sign_in.py::test_then_each_wrong_pin_locks_for_"
        "twice_as_long_up_to_an_hour",
    ),
    # The operator's: operations, aws, costs, local cloud, releasing, original.
    Mutation(
        "wrong-sum", "Tests multiply the rows",
        "docs/costs.md", "docs/costs.md",
        "| $0.08 a million | $3.46 |",
        "| $0.08 a million | $3.64 |",
        "tests/test_pages.py::test_every_sum_in_the_page_of_costs_is_right",
    ),
    Mutation(
        "two-trainings-at-once", "It starts nothing while another job trains",
        "docs/aws.md", "lambdas/start_retraining/start.py",
        "    if running:",
        "    if False:",
        "tests/lambdas/start_retraining/test_start.py::test_while_one_trains_no_"
        "other_begins",
    ),
    Mutation(
        "older-candidate-released", "a version greater than any published",
        "docs/aws.md", "lambdas/release_model/conclude.py",
        "    if version < newest:",
        "    if False:",
        "tests/lambdas/release_model/test_conclude.py::test_a_version_below_the_"
        "newest_is_rejected",
    ),
    Mutation(
        "rollout-without-brake",
        "The rollout stops once a fifth of them has failed (of at least five)",
        "docs/aws.md", "lambdas/release.py",
        "\"thresholdPercentage\": 20.0,",
        "\"thresholdPercentage\": 100.0,",
        "tests/lambdas/test_release.py::test_a_rollout_starts_slowly_and_stops_if_"
        "devices_fail",
    ),
    Mutation(
        "denied-for-ever", "a file that S3 refuses eight times in a row",
        "docs/operations.md", "cloud_sync/update_run.py",
        "        if self._denials < _MOST_DENIALS:",
        "        if True:",
        "tests/cloud_sync/test_update_run.py::test_a_file_refused_for_minutes_is_"
        "final_and_the_job_says_so",
    ),
    Mutation(
        "damaged-row-believed", "a row that the card has changed is set aside",
        "docs/operations.md", "edge/journal/checksums.py",
        "return f\"({_CHECKSUM} IS NULL OR {_CHECKSUM} = {expression(table)})\"",
        "return f\"({expression(table)} NOT NULL)\"",
        "tests/edge/journal/test_bad_rows.py::test_a_damaged_row_is_set_aside_and_"
        "everything_else_carries_on",
    ),
    Mutation(
        "second-copy-unused", "an approval or a rating is restored from its second copy",
        "docs/operations.md", "edge/journal/bad_rows.py",
        "        repaired = restore_from_copies(connection) + ",
        "        repaired = 0 * len(bad) + ",
        "tests/edge/journal/test_bad_rows.py::test_a_damaged_rating_is_restored_"
        "from_the_outbox",
    ),
    Mutation(
        "approvals-once", "each of which is in the journal twice",
        "docs/operations.md", "edge/journal/appliance.py",
        "                copy_approval(connection, pick_id)\n",
        "                pass\n",
        "tests/edge/journal/test_copies.py::test_no_damaged_row_loses_what_was_confirmed",
    ),
    Mutation(
        "looking-without-end", "Each start checks for five seconds at most",
        "docs/operations.md", "edge/journal/bad_rows.py",
        "        if deadline is not None and time.monotonic() >= deadline:",
        "        if False:",
        "tests/edge/journal/test_bad_rows.py::test_looking_through_a_large_journal_"
        "is_bounded",
    ),
    Mutation(
        "any-emulator", "the launcher refuses any other",
        "docs/local-cloud.md", "local_cloud/launcher.py",
        "    if found != VERSION:",
        "    if False:",
        "tests/local_cloud/test_launcher.py::test_an_emulator_of_another_version_is_refused",
    ),
    Mutation(
        "offline-in-name-only", "closes and opens the port in front of the broker",
        "docs/local-cloud.md", "local_cloud/relay.py",
        "            self._server.close()\n            self._server = None\n",
        "            self._server = None\n",
        "tests/local_cloud/test_relay.py::test_offline_the_port_is_refused_and_"
        "online_it_answers_again",
    ),
    Mutation(
        "newer-bundle-taken", "say \"needs newer software\"",
        "docs/releasing.md", "data/bundle.py",
        "    if here is not None and software.is_below(here, needs.min_software):",
        "    if False:",
        "tests/data/test_bundle.py::test_a_bundle_for_later_software_says_so_before_"
        "anything_else_is_read",
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
    # Models and learning: model, performance, glossary.
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
    # The developer's: wire format, glossary, extending, dependencies.
    Mutation(
        "two-batches-in-flight", "One batch is in flight at a time",
        "docs/wire-format.md", "cloud_sync/feedback.py",
        "        self._reading = False\n        if self._in_flight:\n"
        "            return []\n"
        "        self._skipped",
        "        self._reading = False\n        self._skipped",
        "tests/cloud_sync/test_feedback.py::test_what_was_read_before_the_connection_"
        "broke_makes_no_second_batch",
    ),
    Mutation(
        "any-schema", "A reader refuses a version it does not know, by name",
        "docs/wire-format.md", "data/checks.py",
        "    if version != SCHEMA_VERSION:",
        "    if False:",
        "tests/data/test_messages.py::test_a_wrong_value_is_refused_by_the_name_of_"
        "its_field",
    ),
    Mutation(
        "any-next-trust", "one more than the version it replaces",
        "docs/wire-format.md", "data/trust.py",
        "    if document.version != current.version + 1:",
        "    if False:",
        "tests/data/test_trust.py::test_only_the_next_version_is_accepted",
    ),
    Mutation(
        "half-up", "the rating rounded half to even",
        "docs/glossary.md", "data/films.py",
        "    return min(max(round(rating), MIN_STARS), MAX_STARS)",
        "    return min(max(int(rating + 0.5), MIN_STARS), MAX_STARS)",
        "tests/data/test_films.py::test_stars_are_rounded_half_to_even_within_one_to_ten",
    ),
    Mutation(
        "reason-left-out", "with the reason, for each it can't",
        "docs/extending.md", "data/film_table.py",
        "        return BadRow(line, str(error), tuple(cells))",
        "        return BadRow(line, \"\", tuple(cells))",
        "tests/data/test_film_table.py::test_a_bad_row_is_reported_with_its_line_and_"
        "the_next_is_read",
    ),
    Mutation(
        "unexplained-package", "One line justifies each",
        "docs/dependencies.md", "docs/dependencies.md",
        "| uuid6 | all |",
        "| uuid7 | all |",
        "tests/test_conventions.py::test_every_dependency_is_explained_and_nothing_else",
    ),
)  # fmt: skip

MUTATIONS = (*table.MUTATIONS, *_OF_PAGES)
