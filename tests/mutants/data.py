"""What device, training and cloud share: `data`."""

from __future__ import annotations

from tests.mutants.mutation import Mutation

MUTATIONS = (
    Mutation(
        "file-not-synced", "A rating is on disk before the appliance confirms it",
        "README.md", "data/durable.py",
        "        file.flush()\n        os.fsync(file.fileno())\n", "        file.flush()\n",
        "tests/data/test_durable.py::"
        "test_a_replaced_file_is_synced_then_renamed_then_its_folder_is_synced",
        gate=True,
    ),
    Mutation(
        "folder-not-synced", "A rating is on disk before the appliance confirms it",
        "README.md", "data/durable.py",
        "        os.fsync(handle)\n", "        pass\n",
        "tests/data/test_durable.py::"
        "test_a_replaced_file_is_synced_then_renamed_then_its_folder_is_synced",
    ),
    Mutation(
        "hash-not-checked",
        "signed, checked, tried in a child process, and rolled back automatically",
        "README.md", "data/bundle.py",
        "if FileEntry.of(content) != entry:", "if False:",
        "tests/data/test_bundle.py::test_a_flipped_bit_anywhere_in_any_file_is_refused",
        gate=True,
    ),
    Mutation(
        "signature-not-checked",
        "signed, checked, tried in a child process, and rolled back automatically",
        "README.md", "data/bundle.py",
        "or not signing.is_signed(raw, signature, pem)", "or False",
        "tests/data/test_bundle.py::"
        "test_another_keys_signature_under_a_trusted_name_is_refused",
        gate=True,
    ),
    Mutation(
        "older-model-back", "versions only grow", "docs/security.md",
        "data/seen.py",
        "    if version > last.version:", "    if version > last.version - 99:",
        "tests/edge/models/test_store.py::test_another_trusted_key_brings_no_older_version_back",
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
        "tests/data/test_trust.py::test_only_the_old_and_the_new_threshold_together_change_the_keys",
    ),
    Mutation(
        "expired-trust-accepts", "An expired one accepts no new model", "docs/security.md",
        "data/trust.py",
        "if now >= _moment(document.expires_at):", "if False:",
        "tests/data/test_trust.py::test_expiry_stops_new_models_by_a_set_clock_only_and_never_a_successor",
    ),
    Mutation(
        "models-key-becomes-root", "a root key has no other role", "docs/security.md",
        "data/trust.py",
        "if name != ROOT and set(role.key_ids) & set(self.roles[ROOT].key_ids):", "if False:",
        "tests/data/test_trust.py::test_the_key_that_signs_models_cannot_become_root",
    ),
    Mutation(
        "any-operator", "Anything else is refused before", "docs/security.md",
        "data/graph_rule.py",
        '    ("", "Sub"): frozenset(),\n',
        '    ("", "Sub"): frozenset(),\n    ("", "Loop"): frozenset(),\n',
        "tests/data/test_graph_rule.py::test_the_allowed_parts_are_those_that_the_converter_writes",
    ),
    Mutation(
        "telemetry-on", "is switched off wherever a model runs", "docs/security.md",
        "data/privacy.py",
        '    os.environ["ORT_DISABLE_TELEMETRY"] = "1"\n', "    os.environ.get(\"HOME\")\n",
        "tests/data/test_privacy.py::test_running_a_model_leaves_nothing_in_the_home_folder",
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
        "trust-without-voucher", "Once a trust document has arrived, its roles decide",
        "docs/security.md", "data/trust.py",
        "    if vouched_by is not None and not signed.signed_by(vouched_by):",
        "    if False:",
        "tests/data/test_trust.py::test_a_device_with_plain_keys_is_taken_over_by_"
        "one_of_them",
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
        "any-schema", "A reader refuses a version it does not know, by name",
        "docs/wire-format.md", "data/checks.py",
        "    if not 1 <= version <= newest:",
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
        "correction-by-place-only", "The end of the chain counts", "docs/wire-format.md",
        "data/corrections.py",
        "(link.id not in replaced, link.replaces is not None, link._place)",
        "(link.replaces is not None, link._place)",
        "tests/data/test_corrections.py::test_of_a_chain_its_end_counts",
    ),
    Mutation(
        "correction-lost-midway", "Any of its records may be missing", "docs/wire-format.md",
        "data/corrections.py",
        "(link.id not in replaced, link.replaces is not None, link._place)",
        "(link.id not in replaced, link._place)",
        "tests/data/test_corrections.py::test_a_rating_never_counts_beside_one_of_its_corrections",
    ),
    Mutation(
        "set-without-lost-corrections", "Any of its records may be missing", "docs/wire-format.md",
        "training/retraining/training_set.py",
        "SEMI JOIN \"\n"
        "        \"(SELECT pick_id, origin FROM records WHERE replaces IS NOT NULL)"
        " USING (pick_id, origin)\"\n",
        "WHERE \"\n"
        "        \"replaces IS NOT NULL OR id IN (SELECT replaces FROM records)\"\n",
        "tests/training/retraining/test_compact.py::"
        "test_in_whatever_order_corrections_arrive_the_set_is_the_same",
    ),
    Mutation(
        "correction-of-anothers", "What it says of another pick's record is ignored",
        "docs/wire-format.md", "data/corrections.py",
        "found.setdefault((link.pick_id, link.source), [])",
        "found.setdefault((\"\", link.source), [])",
        "tests/data/test_corrections.py::"
        "test_a_correction_speaks_only_of_its_own_pick_and_source",
    ),
    Mutation(
        "rating-without-domain", "Devices fill in all but `stack` today", "docs/wire-format.md",
        "edge/appliance/decisions.py",
        "            domain=self._domain(),\n", "",
        "tests/edge/appliance/test_decisions.py::"
        "test_a_rating_names_its_domain_and_what_was_given_and_is_sent_again_as_it_was",
    ),
    Mutation(
        "version-2-in-1", "none is in a record of version 1", "docs/wire-format.md",
        "data/messages.py",
        "        if self.schema_version == 1:\n", "        if False:\n",
        "tests/data/test_messages.py::test_what_version_2_brought_is_refused_in_version_1",
    ),
)  # fmt: skip
