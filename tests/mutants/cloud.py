"""The functions in AWS, the operator's tools and the local cloud."""

from __future__ import annotations

from tests.mutants.mutation import Mutation

MUTATIONS = (
    Mutation(
        "duplicate-leaves-a-hole", "so resends are harmless",
        "docs/architecture.md",
        "lambdas/store_feedback/ingest.py",
        "    objects.put_new(topics.feedback_object(record.id, held_out=stored.held_out), kept)\n",
        "    if before is None:\n"
        "        objects.put_new(topics.feedback_object(record.id, held_out=new.held_out), kept)\n",
        "tests/lambdas/store_feedback/test_ingest.py::test_a_lost_object_is_put_again_by_a_duplicate",
    ),
    Mutation(
        "other-record-same-id", "so resends are harmless",
        "docs/architecture.md",
        "lambdas/store_feedback/ingest.py",
        "if stored.sha256 != new.sha256:", "if False:",
        "tests/lambdas/store_feedback/test_ingest.py::test_another_record_under_the_same_id_is_rejected_and_changes_nothing",
    ),
    Mutation(
        "training-lists-held-out", "a training job can neither list nor read",
        "docs/security.md",
        "lambdas/template.yaml",
        "{'s3:prefix': ['feedback/*', 'film-table/*']} # all of these",
        "{'s3:prefix': ['*']} # any",
        "tests/lambdas/test_template_rights.py::"
        "test_a_training_job_can_neither_list_nor_read_what_is_held_out",
    ),
    Mutation(
        "resend-chooses-again", "so a resend goes to the same place",
        "docs/aws.md",
        "lambdas/store_feedback/ingest.py",
        "    stored = before or new\n",
        "    stored = StoredItem((before or new).sha256, new.held_out)\n",
        "tests/lambdas/store_feedback/test_ingest.py::"
        "test_a_resend_goes_where_the_item_says_whatever_would_be_chosen_now",
    ),
    Mutation(
        "rating-for-another", "A device cannot rate for another", "docs/security.md",
        "lambdas/store_feedback/ingest.py",
        "if record.thing != thing:", "if False:",
        "tests/lambdas/store_feedback/test_ingest.py::test_a_record_of_another_thing_is_rejected",
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
        "tests/lambdas/test_template.py::test_the_buckets_are_versioned_encrypted_private_and_tls_only",
    ),
    Mutation(
        "candidates-links", "refuses links and paths that lead out", "docs/security.md",
        "lambdas/archive.py",
        "    if entry.type not in _PLAIN or entry.size < 0:",
        "    if False:",
        "tests/lambdas/test_candidate.py::test_an_entry_that_must_not_be_there_is_refused_by_name",
    ),
    Mutation(
        "candidates-paths", "refuses links and paths that lead out", "docs/security.md",
        "lambdas/archive.py",
        '    if path.is_absolute() or ".." in path.parts or "\\0" in entry.name:',
        '    if "\\0" in entry.name:',
        "tests/lambdas/test_candidate.py::test_an_entry_that_must_not_be_there_is_refused_by_name",
    ),
    Mutation(
        "signed-without-judge", "releases nothing", "docs/security.md",
        "lambdas/release_model/conclude.py",
        "    if not judged.verdict.released:\n",
        "    if False:\n",
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
        "test_a_file_that_is_not_onnx_is_refused_by_the_graph_rule",
    ),
    Mutation(
        "candidates-bytes", "checks every hash", "docs/security.md",
        "lambdas/candidate.py",
        "        if FileEntry.of(bundle[name]) != manifest.files[name]:",
        "        if False:",
        "tests/lambdas/test_candidate.py::test_bytes_that_are_not_the_manifests_are_refused",
    ),
    Mutation(
        "candidates-unbounded", "it unpacks within bounds", "docs/security.md",
        "lambdas/archive.py",
        "        if self._left < 0:",
        "        if False:",
        "tests/lambdas/test_candidate.py::test_a_decompression_bomb_is_stopped_before_it_fills_the_memory",
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
        "older-candidate-released", "that the version is above any published",
        "docs/aws.md", "lambdas/release_model/conclude.py",
        "    if version < newest:",
        "    if False:",
        "tests/lambdas/release_model/test_conclude.py::test_a_version_below_the_"
        "newest_is_rejected",
    ),
    Mutation(
        "rollout-without-brake",
        "The rollout stops once a fifth of them has failed or rejected it (of at least five)",
        "docs/aws.md", "lambdas/release.py",
        "\"thresholdPercentage\": 20.0,",
        "\"thresholdPercentage\": 100.0,",
        "tests/lambdas/test_release.py::test_a_rollout_starts_slowly_and_stops_if_"
        "devices_fail",
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
        "jobs-own-provenance", "whatever the job wrote there", "docs/wire-format.md",
        "lambdas/release_model/conclude.py",
        "cloud.sign(_with_judgement(candidate.manifest, judged))",
        "cloud.sign(candidate.manifest)",
        "tests/lambdas/release_model/test_conclude.py::"
        "test_the_signed_manifest_names_the_judges_verdict_whatever_the_job_wrote",
    ),
    Mutation(
        "claimed-verdict", "takes models that the stack's judge released", "docs/aws.md",
        "lambdas/operator/publish.py",
        "        check_judged(aws, stack, described)\n", "        pass\n",
        "tests/lambdas/operator/test_publish.py::"
        "test_a_manifest_that_claims_a_verdict_is_held_against_the_judges_own",
    ),
    Mutation(
        "judged-on-withdrawn", "nothing of the chain trains or judges", "docs/wire-format.md",
        "lambdas/judge_model/stores.py",
        "held = that_count(", "held = list(",
        "tests/lambdas/judge_model/test_stores.py::"
        "test_owners_held_out_ratings_are_judged_on_and_nothing_else",
    ),
    Mutation(
        "stopped-is-done", "that creates the next job", "docs/operations.md",
        "lambdas/operator/publish.py",
        'has_all = there["status"] == "COMPLETED" and not left\n', "has_all = True\n",
        "tests/lambdas/operator/test_publish.py::test_a_stopped_rollout_is_repeated_and_says_so",
    ),
)  # fmt: skip
