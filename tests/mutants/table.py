"""The promises, and for each a change to the source that breaks it, with the test that must fail.

`test_table.py` holds the table to the sources: every text occurs exactly once, every promise is on
its page, every test exists. When you change one of those lines, change the mutation with it.
"""

from __future__ import annotations

from typing import NamedTuple


class Mutation(NamedTuple):
    """One deliberate mistake.

    Attributes:
        name: what it is called on the command line.
        promise: words of `doc` that no longer hold.
        doc: the page that promises it.
        file: what is changed.
        before: text that occurs in it once.
        after: what takes its place.
        test: must fail then, by what it asserts.
        gate: whether the gate tries it, too: a dozen quick ones.
    """

    name: str
    promise: str
    doc: str
    file: str
    before: str
    after: str
    test: str
    gate: bool = False


_EXACT = "to the last bit, over every combination"
_ON_DISK = "A rating is on disk before the appliance confirms it"
_OUTBOX = "stays in the outbox until the cloud has acknowledged it"
_SAFE = "signed, checked, tried in a child process, and rolled back automatically"
_FULL = "A full disk, a broken network or a flood costs time, not ratings"
_PAGE = "tests/edge/page/"
_SEARCH = "tests/edge/search/"
_UP = "tests/cloud_sync/test_feedback.py::"
_INGEST = "tests/lambdas/store_feedback/test_ingest.py::"
_PARITY = "tests/training/export/test_parity.py::"
_DISK = "tests/edge/appliance/test_disk_space.py::"
_JOURNAL_FILE = "tests/edge/journal/test_file.py::"
_ACTIVE = "tests/edge/models/test_active.py::"
_ACTIVATION = "tests/edge/models/test_activation.py::"
_STORE = "tests/edge/models/test_store.py::"
_TRUST = "tests/data/test_trust.py::"
_SANDBOX = "tests/edge/models/test_sandbox.py::"
_UNITS = "tests/systemd/test_units.py::"
_TEMPLATE = "tests/lambdas/test_template.py::"
_CANDIDATE = "tests/lambdas/test_candidate.py::"
_SIGN_IN = "tests/edge/appliance/test_sign_in.py::"
_VERBS = "tests/edge/appliance/test_page_verbs.py::"

MUTATIONS = (
    # Exact.
    Mutation(
        "tie-by-director", _EXACT, "README.md", "edge/search/top.py",
        "(scores == self.floor) & (directors <= self._last_director)",
        "(scores == self.floor) & (directors < self._last_director)",
        _SEARCH + "test_top.py::test_of_equal_scores_the_first_by_director_year_and_genres_wins",
        gate=True,
    ),
    Mutation(
        "tie-by-year", _EXACT, "README.md", "edge/search/top.py",
        "(cells.sets, cells.years, cells.directors, -scores)",
        "(cells.years, cells.sets, cells.directors, -scores)",
        _SEARCH + "test_top.py::test_of_equal_scores_the_first_by_director_year_and_genres_wins",
    ),
    Mutation(
        "floor-shuts-equals-out", _EXACT, "README.md", "edge/search/top.py",
        "wanted &= scores >= self._reached[directors]",
        "wanted &= scores > self._reached[directors]",
        _SEARCH + "test_bounds.py::"
        "test_of_equal_films_of_a_director_the_first_in_order_wins_however_late_it_is_found",
    ),
    Mutation(
        "rules-not-kept", "nothing that you allow scores higher", "docs/picking.md",
        "edge/search/forbidden.py",
        "both = self.directors[directors] & self.sets[sets]",
        "both = self.directors[directors] * 0",
        _SEARCH + "test_rules.py::"
        "test_the_best_under_any_rules_is_what_scoring_every_allowed_row_finds",
    ),
    Mutation(
        "questions-before-presses", "cancels an older one, and so does a press", "docs/picking.md",
        "edge/appliance/appliance.py",
        "        self._explainer.give_way()\n", "",
        "tests/edge/appliance/test_explainer.py::"
        "test_a_newer_question_and_a_press_cancel_what_waits",
    ),
    Mutation(
        "half-a-comparison", "or of two side by side", "docs/page.md", "edge/page/what_if.py",
        'for prefix in ("", _OTHER)', 'for prefix in ("",)',
        _PAGE + "test_what_if.py::test_it_shows_what_the_model_says_of_two_films",
    ),
    Mutation(
        "stars-need-not-agree", "you can prove it", "README.md", "edge/search/exact.py",
        "np.array_equal(found.scores, rows.score) and same_bits.all()",
        "np.array_equal(found.scores, rows.score)",
        _SEARCH + "test_exact.py::test_agreement_means_every_bit_of_score_and_stars",
        gate=True,
    ),
    Mutation(
        "lying-tables-believed", "you can prove it", "README.md", "edge/search/exact.py",
        "if agrees(found, rows):", "if True:",
        _SEARCH + "test_exact.py::"
        "test_tables_that_lie_are_found_out_and_the_answer_is_still_right",
    ),
    Mutation(
        "other-bits-exported", _EXACT, "README.md", "training/export/parity.py",
        "    if found.bit_differences:", "    if False:",
        _PARITY + "test_one_other_bit_on_another_number_of_threads_is_refused",
    ),
    Mutation(
        "other-probabilities-exported", _EXACT, "README.md", "training/export/parity.py",
        "    if not found.probabilities <= HEAD_TOLERANCE:", "    if False:",
        _PARITY + "test_probabilities_that_are_not_the_heads_are_refused",
    ),
    Mutation(
        "repeated-film-divided", "never divided between those to learn from and those to predict",
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
        _PARITY + "test_a_refused_export_writes_nothing",
    ),
    Mutation(
        "verification-one-sided", "a verification differed", "docs/operations.md",
        "cloud_sync/verification.py",
        "max(abs(own - cloud) for", "max((own - cloud) for",
        "tests/cloud_sync/test_verification.py::"
        "test_the_verdict_names_the_worst_difference_in_either_direction",
        gate=True,
    ),
    # One button.
    Mutation(
        "press-boundary-moved", "short, 0.05-1 s", "README.md", "edge/panel/button.py",
        "if seconds >= beginning)", "if seconds > beginning)",
        "tests/edge/panel/test_button.py::test_the_boundaries_are_those_of_the_table",
        gate=True,
    ),
    Mutation(
        "thirty-seconds-cancel", "hold 20-30 s", "README.md", "edge/panel/button.py",
        "    if seconds == STAGES[-1][0]:", "    if False:",
        "tests/edge/panel/test_button.py::test_the_boundaries_are_those_of_the_table",
    ),
    # Loses nothing.
    Mutation(
        "commits-not-synced", _ON_DISK, "README.md", "edge/journal/file.py",
        "PRAGMA synchronous=FULL", "PRAGMA synchronous=NORMAL",
        _JOURNAL_FILE + "test_committed_changes_are_on_disk",
        gate=True,
    ),
    Mutation(
        "file-not-synced", _ON_DISK, "README.md", "data/durable.py",
        "        file.flush()\n        os.fsync(file.fileno())\n", "        file.flush()\n",
        "tests/data/test_durable.py::"
        "test_a_replaced_file_is_synced_then_renamed_then_its_folder_is_synced",
        gate=True,
    ),
    Mutation(
        "folder-not-synced", _ON_DISK, "README.md", "data/durable.py",
        "        os.fsync(handle)\n", "        pass\n",
        "tests/data/test_durable.py::"
        "test_a_replaced_file_is_synced_then_renamed_then_its_folder_is_synced",
    ),
    Mutation(
        "confirmed-before-written", "committed before the appliance confirms it",
        "docs/architecture.md",
        "edge/appliance/decisions.py",
        "self._write(lambda: self._journal.record_decision(", "(lambda *_: None)((",
        "tests/edge/appliance/test_appliance.py::"
        "test_an_approval_that_cannot_be_written_is_refused_and_the_pick_still_waits",
    ),
    Mutation(
        "old-log-met", _ON_DISK, "README.md", "edge/journal/file.py",
        'for suffix in ("-wal", "-shm", ""):', 'for suffix in ("", "-wal", "-shm"):',
        _JOURNAL_FILE
        + "test_setting_aside_may_break_off_anywhere_and_no_new_journal_meets_an_old_log",
    ),
    Mutation(
        "reserve-takes-the-last", _FULL, "docs/security.md", "edge/appliance/disk_space.py",
        "if _free(self._path) < 2 * RESERVE_BYTES:", "if _free(self._path) < RESERVE_BYTES:",
        _DISK + "test_the_reserve_is_made_only_where_twice_its_size_is_free",
        gate=True,
    ),
    Mutation(
        "reserve-in-danger-too-late", "New picks stop half a megabyte before the disk is full",
        "docs/decisions/0013-picks-stop-before-the-disk-is-full.md",
        "edge/appliance/disk_space.py",
        "_free(self._path) < LEAST_FREE_BYTES", "_free(self._path) <= LEAST_FREE_BYTES",
        _DISK + "test_the_last_byte_of_the_least_free_space_is_still_enough_for_a_pick",
    ),
    Mutation(
        "reserve-for-everything", _FULL, "docs/security.md", "edge/appliance/disk_space.py",
        "        if is_rating:\n", "        if True:\n",
        _DISK + "test_a_full_disk_gives_up_old_models_before_the_reserve_"
        "and_the_reserve_for_ratings_only",
    ),
    Mutation(
        "outbox-damaged-and-forgotten", "copies whatever it can still read",
        "docs/operations.md", "edge/journal/rescue.py",
        "if not _is_whole(connection, _OUTBOX):", "if False:",
        "tests/edge/journal/test_rescue.py::"
        "test_a_rating_whose_one_copy_is_damaged_is_rescued_from_the_other",
    ),
    Mutation(
        "start-checks-everything", "Each start checks for five seconds at most",
        "docs/operations.md", "edge/journal/file.py",
        "        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:\n            raise\n",
        "        raise JournalDamaged(str(error)) from error\n",
        _JOURNAL_FILE + "test_a_check_that_takes_too_long_holds_up_no_start",
    ),
    Mutation(
        "copied-card-speaks", "On another board with the same certificate the sync service sends",
        "docs/operations.md", "cloud_sync/board.py",
        "    if known != here and known.get", "    if False and known.get",
        "tests/cloud_sync/test_board.py::"
        "test_a_copy_is_noticed_until_it_has_a_certificate_of_its_own",
    ),
    Mutation(
        "restored-over-what-was-rated", "what was rated on the new card meanwhile is taken over",
        "docs/operations.md", "systemd/state_copy.py",
        "    if holds_something:\n", "    if False:\n",
        "tests/systemd/test_backup.py::test_a_new_card_continues_where_the_old_one_was",
    ),
    Mutation(
        "damaged-backup-restored", "a file that is damaged changes nothing",
        "docs/operations.md", "systemd/steps/backup.sh",
        "sha256sum --check --strict --quiet SHA256SUMS", "true",
        "tests/systemd/test_backup.py::test_a_backup_whose_content_was_changed_changes_nothing",
    ),
    Mutation(
        "outbox-emptied-by-sending", _OUTBOX, "README.md", "cloud_sync/feedback.py",
        "return [*commands, SendFeedback(wire.encode(FeedbackBatch(tuple(records))))]",
        "return [*commands, SendFeedback(wire.encode(FeedbackBatch(tuple(records)))),"
        " Acknowledge(tuple(ids))]",
        _UP + "test_only_the_applications_ack_removes_a_record",
        gate=True,
    ),
    Mutation(
        "batch-beyond-bytes", "AWS IoT cuts at 128 KB", "docs/wire-format.md",
        "cloud_sync/feedback.py",
        "if records and size > limits.MAX_PAYLOAD_BYTES:", "if False:",
        _UP + "test_a_batch_of_the_longest_records_stays_within_the_byte_limit",
    ),
    Mutation(
        "duplicate-leaves-a-hole", "so resends are harmless",
        "docs/architecture.md",
        "lambdas/store_feedback/ingest.py",
        "    objects.put_new(topics.feedback_object(record.id), kept)\n",
        "    if before is None:\n"
        "        objects.put_new(topics.feedback_object(record.id), kept)\n",
        _INGEST + "test_a_lost_object_is_put_again_by_a_duplicate",
    ),
    Mutation(
        "other-record-same-id", "so resends are harmless",
        "docs/architecture.md",
        "lambdas/store_feedback/ingest.py",
        "if before not in (None, sha256):", "if False:",
        _INGEST + "test_another_record_under_the_same_id_is_rejected_and_changes_nothing",
    ),
    Mutation(
        "rating-for-another", "A device cannot rate for another", "docs/security.md",
        "lambdas/store_feedback/ingest.py",
        "if record.thing != thing:", "if False:",
        _INGEST + "test_a_record_of_another_thing_is_rejected",
    ),
    # Safe to update.
    Mutation(
        "hash-not-checked", _SAFE, "README.md", "data/bundle.py",
        "if FileEntry.of(content) != entry:", "if False:",
        "tests/data/test_bundle.py::test_a_flipped_bit_anywhere_in_any_file_is_refused",
        gate=True,
    ),
    Mutation(
        "signature-not-checked", _SAFE, "README.md", "data/bundle.py",
        "or not signing.is_signed(raw, signature, pem)", "or False",
        "tests/data/test_bundle.py::"
        "test_another_keys_signature_under_a_trusted_name_is_refused",
        gate=True,
    ),
    Mutation(
        "older-model-back", "versions only grow", "docs/security.md",
        "data/seen.py",
        "    if version > last.version:", "    if version > last.version - 99:",
        _STORE + "test_another_trusted_key_brings_no_older_version_back",
    ),
    Mutation(
        "slow-download-for-ever", "is given up and resumed later", "docs/security.md",
        "cloud_sync/downloader.py",
        "if rate < _FEWEST_BYTES_PER_SECOND:", "if False:",
        "tests/cloud_sync/test_downloader.py::"
        "test_a_download_below_the_floor_is_given_up_and_resumed_later",
    ),
    Mutation(
        "error-read-whole", "at most 4 KiB of an error are read", "docs/security.md",
        "cloud_sync/artefacts.py",
        "_MOST_ERROR_BYTES = 4096", "_MOST_ERROR_BYTES = 1 << 28",
        "tests/cloud_sync/test_hostile_bucket.py::"
        "test_an_error_without_end_is_read_only_so_far",
    ),
    Mutation(
        "direction-marks-pass", "text-direction marks", "docs/security.md", "data/text.py",
        "\\u2028-\\u202e", "\\u2028-\\u2029",
        "tests/data/test_text.py::test_no_such_character_passes",
    ),
    Mutation(
        "old-root-keys-not-asked", "a threshold of the old and of the new root keys",
        "docs/security.md", "data/trust.py",
        "    _check_threshold(signed, current,", "    _check_threshold(signed, document,",
        _TRUST + "test_only_the_old_and_the_new_threshold_together_change_the_keys",
    ),
    Mutation(
        "expired-trust-accepts", "An expired one accepts no new model", "docs/security.md",
        "data/trust.py",
        "if now >= _moment(document.expires_at):", "if False:",
        _TRUST + "test_expiry_stops_new_models_by_a_set_clock_only_and_never_a_successor",
    ),
    Mutation(
        "models-key-becomes-root", "a root key has no other role", "docs/security.md",
        "data/trust.py",
        "if name != ROOT and set(role.key_ids) & set(self.roles[ROOT].key_ids):", "if False:",
        _TRUST + "test_the_key_that_signs_models_cannot_become_root",
    ),
    Mutation(
        "lost-record-lets-in", "record of accepted models lets nothing in", "docs/security.md",
        "edge/models/store.py",
        "if self._asides() or self._accepted():", "if False:",
        _STORE + "test_a_record_that_cannot_be_rebuilt_accepts_no_model_until_started_over",
    ),
    Mutation(
        "lost-ratchet-lets-in", "record of accepted models lets nothing in", "docs/security.md",
        "cloud_sync/ratchet.py",
        "        elif self._asides():", "        elif False:",
        "tests/cloud_sync/test_ratchet.py::"
        "test_a_damaged_ratchet_that_nothing_can_rebuild_accepts_no_model",
    ),
    Mutation(
        "quarantine-forgotten", "stays in quarantine by its hash", "docs/security.md",
        "edge/models/activation.py",
        "if manifest.model_hash in known.quarantined:", "if False:",
        _ACTIVATION + "test_a_model_in_quarantine_is_refused_under_any_version",
    ),
    Mutation(
        "never-rolled-back", _SAFE, "README.md", "edge/models/active.py",
        "pointer.trial.failures >= FAILURES_BEFORE_ROLL_BACK",
        "pointer.trial.failures > FAILURES_BEFORE_ROLL_BACK",
        _ACTIVE + "test_three_deaths_at_work_in_one_boot_roll_back_and_quarantine",
    ),
    Mutation(
        "power-cut-blamed", _SAFE, "README.md", "edge/models/active.py",
        "died = pointer.trial.boot_id == boot", "died = True",
        _ACTIVE + "test_power_cuts_never_count",
    ),
    Mutation(
        "any-operator", "Anything else is refused before", "docs/security.md",
        "data/graph_rule.py",
        '    ("", "Sub"): frozenset(),\n',
        '    ("", "Sub"): frozenset(),\n    ("", "Loop"): frozenset(),\n',
        "tests/data/test_graph_rule.py::test_the_allowed_parts_are_those_that_the_converter_writes",
    ),
    Mutation(
        "no-sandbox", "gives up every right before it touches the model", "docs/security.md",
        "edge/models/trial.py",
        "        confine()\n", "",
        _SANDBOX + "test_a_trial_drops_its_rights_before_it_loads_the_model",
    ),
    Mutation(
        "no-processor-limit", "limits on memory, processor time", "docs/security.md",
        "edge/models/trial.py",
        "    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))\n", "",
        _SANDBOX + "test_a_trial_takes_only_so_much_processor_time_whoever_watches_it",
    ),
    Mutation(
        "sandbox-lets-files-open", "system calls that name no file", "docs/security.md",
        "edge/models/sandbox.py",
        '    "exit": (60, 93),\n', '    "exit": (60, 93),\n    "openat": (257, 56),\n',
        _SANDBOX + "test_nothing_is_in_reach_once_confined",
    ),
    # The page.
    Mutation(
        "no-lock-out", "After 5 wrong guesses an address", "docs/security.md",
        "edge/appliance/sign_in.py",
        "        if beyond >= 0:", "        if beyond > 0:",
        "tests/edge/appliance/test_sign_in.py"
        "::test_then_each_wrong_pin_locks_for_twice_as_long_up_to_an_hour",
        gate=True,
    ),
    Mutation(
        "pins-wait-without-end", "connections are bounded", "docs/security.md",
        "edge/appliance/sign_in.py",
        "self._waiting.total() >= (_MAX_WAITING if known else _MAX_WAITING_UNKNOWN)", "False",
        _PAGE
        + "test_sign_in.py::test_only_so_many_pins_wait_and_the_others_are_asked_to_try_again",
    ),
    Mutation(
        "strangers-take-all-places", "Places to have a PIN checked are kept", "docs/security.md",
        "edge/appliance/sign_in.py",
        "_MAX_WAITING_UNKNOWN = 6", "_MAX_WAITING_UNKNOWN = 8",
        _SIGN_IN
        + "test_who_has_signed_in_before_finds_a_place_among_a_thousand_addresses_that_guess",
    ),
    Mutation(
        "pairs-before-compared", "A press counts only once the light has blinked all four",
        "docs/security.md", "edge/appliance/appliance.py",
        "self.pairing.shown if shows and self.pairing.is_comparable else None",
        "self.pairing.shown if shows else None",
        _VERBS + "test_a_press_before_the_light_has_shown_all_digits_is_not_meant_for_pairing",
    ),
    Mutation(
        "first-who-asks-most", "the address with the fewest turns first", "docs/security.md",
        "edge/appliance/pairing.py",
        "            fewest = min(", "            fewest = max(",
        "tests/edge/appliance/test_pairing.py::"
        "test_an_attacker_with_many_addresses_delays_the_owner_by_a_turn_of_each_at_most",
        gate=True,
    ),
    Mutation(
        "everyone-sees-the-pin", "Only a browser that was paired sees the PIN",
        "docs/security.md", "edge/appliance/sign_in.py",
        "        if session.id not in self._may_see_pin:", "        if False:",
        _VERBS + "test_only_a_browser_that_was_just_paired_sees_the_pin_and_makes_a_new_one",
    ),
    Mutation(
        "one-address-holds-all", "32 of an address", "docs/security.md",
        "edge/page/connections.py",
        "if len(same) >= MOST_OF_AN_ADDRESS:", "if False:",
        _PAGE +
        "test_connections.py::test_one_address_has_limited_connections_and_others_are_unaffected",
    ),
    Mutation(
        "verbs-without-session", "every verb but the sign-in's needs a valid session",
        "docs/security.md", "edge/appliance/page_verbs.py",
        "if session is None and not isinstance(verb, PUBLIC_VERBS):", "if False:",
        "tests/edge/appliance/test_page_verbs.py"
        "::test_every_verb_but_those_of_the_sign_in_needs_a_session",
    ),
    Mutation(
        "control-without-bounds", "48 in all, 16 of a user", "docs/security.md",
        "edge/appliance/line_server.py",
        "if len(mine) >= self._limits.per_user:", "if False:",
        "tests/edge/appliance/test_line_server.py"
        "::test_idle_connections_make_room_for_a_new_caller",
    ),
    Mutation(
        "no-form-token", "forms carry a token of their session", "docs/security.md",
        "edge/page/actions.py",
        'if not same_token(session_of(request), form.one("token")):', "if False:",
        _PAGE + "test_middleware.py::test_nothing_is_done_without_the_forms_token",
    ),
    Mutation(
        "any-host", "no DNS rebinding", "docs/security.md", "edge/page/auth.py",
        "    return host in names or _address(host) == _address(server[0]) != \"\"\n",
        "    return True\n",
        _PAGE + "test_auth.py::test_every_other_host_is_refused",
    ),
    Mutation(
        "any-origin", "to change anything, our own origin", "docs/security.md",
        "edge/page/middleware.py",
        "and not same_origin(headers, scope[\"scheme\"])", "and False",
        _PAGE + "test_middleware.py::test_forms_of_other_sites_are_refused",
    ),
    Mutation(
        "listens-everywhere", "It listens on loopback only, until the owner changes that",
        "docs/security.md", "edge/config.py",
        'page_host: str = "127.0.0.1"', 'page_host: str = "0.0.0.0"',
        "tests/edge/test_config.py::test_the_commented_example_is_the_defaults_and_names_every_key",
    ),
    # Learns safely.
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
    # Your own table.
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
        "    if again or not target.is_file():\n", "    if True:\n",
        "tests/training/test_inspection.py"
        "::test_an_edited_domain_is_kept_unless_a_new_one_is_asked_for",
    ),
    Mutation(
        "another-domain-taken", "keeps to the name of its first model and refuses any other",
        "docs/your-own-table.md", "edge/models/activation.py",
        "    if known.name not in (None, manifest.name):\n", "    if False:\n",
        "tests/edge/models/test_activation.py"
        "::test_a_signed_manifest_for_other_devices_is_refused",
    ),
    # What else is promised.
    Mutation(
        "wait-without-end", "watchdog is fed only while the main loop runs",
        "docs/appliance.md", "edge/models/trial.py",
        "            child.wait(_KILLED_SECONDS)\n", "            child.wait()\n",
        "tests/test_waits.py::test_every_wait_has_a_deadline_or_is_listed_with_its_reason",
    ),
    Mutation(
        "telemetry-on", "is switched off wherever a model runs", "docs/security.md",
        "data/privacy.py",
        '    os.environ["ORT_DISABLE_TELEMETRY"] = "1"\n', "    os.environ.get(\"HOME\")\n",
        "tests/data/test_privacy.py::test_running_a_model_leaves_nothing_in_the_home_folder",
    ),
    Mutation(
        "installer-not-isolated", "Python in isolated mode", "docs/security.md",
        "systemd/steps/release.sh",
        "/usr/bin/python3 -I -m venv", "/usr/bin/python3 -m venv",
        "tests/systemd/test_root.py::test_every_python_that_the_installer_runs_is_isolated",
        gate=True,
    ),
    # README, further.
    Mutation(
        "waits-for-network", "never wait for a network, a clock or a cloud", "README.md",
        "systemd/greenlight.service",
        "PartOf=greenlight.target\n",
        "PartOf=greenlight.target\nAfter=network-online.target\n",
        _UNITS + "test_nothing_waits_for_network_or_clock",
    ),
    Mutation(
        "probes-not-checked", "signature, hashes, schema, probes", "README.md",
        "training/export/verify.py",
        "    if not np.array_equal(expected.view(np.int32), scores.expected.view(np.int32)):",
        "    if False:",
        "tests/training/export/test_verify.py::"
        "test_a_correctly_signed_model_that_misses_its_probes_is_refused",
    ),
    Mutation(
        "three-blinks-offline", "| four blinks | ready, offline for a long time |", "README.md",
        "edge/panel/led.py",
        "Pattern.FOUR_BLINKS: _blinks(4,",
        "Pattern.FOUR_BLINKS: _blinks(3,",
        "tests/edge/appliance/test_machine.py::"
        "test_blinks_can_be_counted_and_end_in_a_longer_pause",
    ),
    # docs/security.md, further.
    Mutation(
        "sync-takes-older", "versions only grow", "docs/security.md",
        "cloud_sync/ratchet.py",
        "        if why := refuse_version(self.seen(), name, version, manifest_sha256):",
        "        if why := refuse_version({}, name, version, manifest_sha256):",
        "tests/cloud_sync/test_ratchet.py::"
        "test_an_older_version_of_the_same_key_is_refused_also_after_a_restart",
    ),
    Mutation(
        "damaged-ratchet-forgotten", "versions only grow", "docs/security.md",
        "cloud_sync/ratchet.py",
        "            raise RatchetDamaged(_LOST)",
        "            pass",
        "tests/cloud_sync/test_ratchet.py::"
        "test_a_damaged_ratchet_that_nothing_can_rebuild_accepts_no_model",
    ),
    Mutation(
        "message-ends-sync", "No message can end the sync service", "docs/security.md",
        "cloud_sync/service.py",
        "            if not isinstance(event, MqttMessage):\n",
        "            if event is not None:\n",
        "tests/cloud_sync/test_service.py::"
        "test_a_message_that_the_session_cannot_take_ends_nothing",
    ),
    Mutation(
        "no-filter-no-matter", "no model is tried", "docs/security.md",
        "edge/models/sandbox.py",
        '        raise NoSandbox(ctypes.get_errno(), "the kernel refuses the seccomp filter")',
        "        return",
        "tests/edge/models/test_sandbox.py::test_a_device_without_a_filter_loads_nothing",
    ),
    Mutation(
        "speaks-for-any-thing", "speak only on that thing's topics", "docs/security.md",
        "lambdas/template.yaml",
        ":topic/filmupdate/${!iot:Connection.Thing.ThingName}'\n",
        ":topic/filmupdate/*' # any\n",
        "tests/lambdas/test_template_rights.py::"
        "test_a_device_may_use_its_own_topics_and_no_others",
    ),
    Mutation(
        "public-buckets", "Buckets refuse public access", "docs/security.md",
        "lambdas/template.yaml",
        "        RestrictPublicBuckets: true\n"
        "      OwnershipControls:\n"
        "        Rules: [{ObjectOwnership: BucketOwnerEnforced}]\n"
        "      LifecycleConfiguration:\n"
        "        Rules:\n"
        "          - Id: old-versions\n"
        "            Status: Enabled\n"
        "            NoncurrentVersionExpiration: {NoncurrentDays: 90}\n",
        "        RestrictPublicBuckets: false\n"
        "      OwnershipControls:\n"
        "        Rules: [{ObjectOwnership: BucketOwnerEnforced}]\n"
        "      LifecycleConfiguration:\n"
        "        Rules:\n"
        "          - Id: old-versions\n"
        "            Status: Enabled\n"
        "            NoncurrentVersionExpiration: {NoncurrentDays: 90}\n",
        _TEMPLATE + "test_the_buckets_are_versioned_encrypted_private_and_tls_only",
    ),
    Mutation(
        "candidates-links", "refuses links and paths that lead out", "docs/security.md",
        "lambdas/archive.py",
        "    if entry.type not in _PLAIN or entry.size < 0:",
        "    if False:",
        _CANDIDATE + "test_an_entry_that_must_not_be_there_is_refused_by_name",
    ),
    Mutation(
        "candidates-paths", "refuses links and paths that lead out", "docs/security.md",
        "lambdas/archive.py",
        '    if path.is_absolute() or ".." in path.parts or "\\0" in entry.name:',
        '    if "\\0" in entry.name:',
        _CANDIDATE + "test_an_entry_that_must_not_be_there_is_refused_by_name",
    ),
    Mutation(
        "signed-without-judge", "releases nothing", "docs/security.md",
        "lambdas/release_model/conclude.py",
        "    iot_job = _release(candidate, cloud) if judged.verdict.released else None",
        "    iot_job = _release(candidate, cloud)",
        "tests/lambdas/release_model/test_conclude.py::"
        "test_what_the_judge_refuses_is_released_by_no_verdict_of_the_job",
    ),
    Mutation(
        "another-output-signed", "signs only that output", "docs/security.md",
        "lambdas/release_model/conclude.py",
        "    if found != (job, hashlib.sha256(archive).hexdigest(), manifest.name, model):",
        "    if found[2:] != (manifest.name, model):",
        "tests/lambdas/release_model/test_conclude.py::"
        "test_a_verdict_on_anything_else_releases_nothing",
    ),
    Mutation(
        "judge-without-graph-rule", "through the same strict graph rule", "docs/security.md",
        "lambdas/judge_model/scorer.py",
        "            check_graph(model)",
        "            pass",
        "tests/lambdas/judge_model/test_scorer.py::"
        "test_what_is_no_onnx_is_refused_by_the_graph_rule",
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
        "candidates-bytes", "checks every hash", "docs/security.md",
        "lambdas/candidate.py",
        "        if FileEntry.of(bundle[name]) != manifest.files[name]:",
        "        if False:",
        _CANDIDATE + "test_bytes_that_are_not_the_manifests_are_refused",
    ),
    Mutation(
        "candidates-unbounded", "it unpacks within bounds", "docs/security.md",
        "lambdas/archive.py",
        "        if self._left < 0:",
        "        if False:",
        _CANDIDATE + "test_a_decompression_bomb_is_stopped_before_it_fills_the_memory",
    ),
    Mutation(
        "hashes-not-required", "the installer refuses a package with a different hash",
        "docs/security.md",
        "locks/run_pip.py",
        '    options += ["--require-hashes"] if lock else []',
        "    options += []",
        "tests/locks/test_run_pip.py::"
        "test_a_lock_is_installed_without_a_resolver_and_by_its_hashes",
    ),
    Mutation(
        "connect-follows-links", "`connect` takes plain files only and follows no link",
        "docs/security.md",
        "systemd/connection.py",
        "os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK",
        "os.O_RDONLY | os.O_NONBLOCK",
        "tests/systemd/test_connection.py::test_connect_takes_plain_files_only",
    ),
    Mutation(
        "connect-takes-hard-links", "`connect` takes plain files only and follows no link",
        "docs/security.md",
        "systemd/connection.py",
        "        if what.st_nlink != 1:",
        "        if False:",
        "tests/systemd/test_connection.py::test_connect_takes_plain_files_only",
    ),
    Mutation(
        "pin-readable", "mode 0600", "docs/security.md",
        "edge/appliance/sign_in.py",
        "os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)",
        "os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)",
        _SIGN_IN + "test_the_first_start_makes_a_pin_that_stays",
    ),
    Mutation(
        "sign-out-forgotten", "Signing out ends the session on the appliance", "docs/security.md",
        "edge/appliance/sign_in.py",
        "        self._ended[session.id] = now + SESSION_SECONDS",
        "        pass",
        _SIGN_IN + "test_an_ended_session_is_over_and_another_goes_on",
    ),
    Mutation(
        "session-for-ever", "after 30 days", "docs/security.md",
        "edge/appliance/sign_in.py",
        "        if int(ends) <= self._clock() or name in self._ended:",
        "        if name in self._ended:",
        _SIGN_IN + "test_a_session_lasts_until_its_end_by_a_clock_that_only_goes_forward",
    ),
    Mutation(
        "new-pin-signs-nobody-out", "a new PIN (`greenlight pin --new`)", "docs/security.md",
        "edge/appliance/sign_in.py",
        "{purpose}\\0{self._salt()}\\0{text}",
        "{purpose}\\0{text}",
        _SIGN_IN + "test_a_restart_or_a_new_pin_signs_everyone_out",
    ),
    Mutation(
        "each-ipv6-guesses", "for IPv6 its /64 network", "docs/security.md",
        "edge/addresses.py",
        "ipaddress.ip_network((ip, 64), strict=False)",
        "ipaddress.ip_network((ip, 128), strict=False)",
        _SIGN_IN + "test_only_the_address_or_the_network_of_a_machine_is_locked",
    ),
    Mutation(
        "explores-unasked", "is their share, 0 unless you change it", "docs/appliance.md",
        "edge/config.py",
        "explore: Annotated[float, Between(0, 1)] = 0.0",
        "explore: Annotated[float, Between(0, 1)] = 0.1",
        "tests/edge/test_config.py::"
        "test_the_commented_example_is_the_defaults_and_names_every_key",
    ),
    Mutation(
        "restarts-for-nothing", "restarts it after every code except 0, 2, 76 and 78",
        "docs/appliance.md",
        "systemd/greenlight.service",
        "RestartPreventExitStatus=2 76 78",
        "RestartPreventExitStatus=2 78",
        "tests/systemd/test_appliance_page.py::test_the_codes_that_systemd_leaves_alone_are_named",
    ),
    Mutation(
        "success-too-early",
        "The job succeeds only once the appliance has recorded that the model runs",
        "docs/architecture.md",
        "cloud_sync/update.py",
        "    (_S.WAITING_FOR_EDGE, EdgeTimedOut): (_S.CONCLUDED, _FAIL),",
        "    (_S.WAITING_FOR_EDGE, EdgeTimedOut): (_S.CONCLUDED, _SUCCEED),",
        "tests/cloud_sync/test_update.py::test_every_state_meets_every_event",
    ),
    Mutation(
        "link-used-again", "signs in once, within ten minutes", "docs/page.md",
        "edge/appliance/sign_in_link.py",
        "        path.unlink()\n",
        "        path.exists()\n",
        "tests/edge/appliance/test_sign_in_link.py::test_a_link_is_good_once",
    ),
    Mutation(
        "link-without-end", "signs in once, within ten minutes", "docs/page.md",
        "edge/appliance/sign_in_link.py",
        "time.monotonic() < link.ends_at",
        "time.monotonic() > 0",
        "tests/edge/appliance/test_sign_in_link.py::test_it_ends_after_ten_minutes",
    ),
)  # fmt: skip
