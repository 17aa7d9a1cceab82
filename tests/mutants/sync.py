"""The sync service: `cloud_sync`."""

from __future__ import annotations

from tests.mutants.mutation import Mutation

MUTATIONS = (
    Mutation(
        "verification-one-sided", "a verification differed", "docs/operations.md",
        "cloud_sync/verification.py",
        "max(abs(own - cloud) for", "max((own - cloud) for",
        "tests/cloud_sync/test_verification.py::"
        "test_the_verdict_names_the_worst_difference_in_either_direction",
        gate=True,
    ),
    Mutation(
        "copied-card-speaks", "On another board with the same certificate the sync service sends",
        "docs/operations.md", "cloud_sync/board.py",
        "    if known != here and known.get", "    if False and known.get",
        "tests/cloud_sync/test_board.py::"
        "test_a_copy_is_noticed_until_it_has_its_own_certificate",
    ),
    Mutation(
        "outbox-emptied-by-sending", "stays in the outbox until the cloud has acknowledged it",
        "README.md", "cloud_sync/feedback.py",
        "return [*commands, SendFeedback(wire.encode(FeedbackBatch(tuple(records))))]",
        "return [*commands, SendFeedback(wire.encode(FeedbackBatch(tuple(records)))),"
        " Acknowledge(tuple(ids))]",
        "tests/cloud_sync/test_feedback.py::test_only_the_applications_ack_removes_a_record",
        gate=True,
    ),
    Mutation(
        "batch-beyond-bytes", "AWS IoT cuts at 128 KB", "docs/wire-format.md",
        "cloud_sync/feedback.py",
        "if records and size > limits.MAX_PAYLOAD_BYTES:", "if False:",
        "tests/cloud_sync/test_feedback.py::test_a_batch_of_the_longest_records_stays_within_the_byte_limit",
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
        "lost-ratchet-lets-in", "record of accepted models lets nothing in", "docs/security.md",
        "cloud_sync/ratchet.py",
        "        elif self._asides():", "        elif False:",
        "tests/cloud_sync/test_ratchet.py::"
        "test_a_damaged_ratchet_that_nothing_can_rebuild_accepts_no_model",
    ),
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
        "success-too-early",
        "The job succeeds only once the appliance has recorded that the model runs",
        "docs/architecture.md",
        "cloud_sync/update.py",
        "    (_S.WAITING_FOR_EDGE, EdgeTimedOut): (_S.CONCLUDED, _FAIL),",
        "    (_S.WAITING_FOR_EDGE, EdgeTimedOut): (_S.CONCLUDED, _SUCCEED),",
        "tests/cloud_sync/test_update.py::test_every_state_meets_every_event",
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
        "newer-than-the-cloud", "the record isn't at fault: it stays in the outbox",
        "docs/wire-format.md", "cloud_sync/feedback.py",
        "if self._versions.get(one.id, reads) > reads]", "if False]",
        "tests/cloud_sync/test_feedback.py::"
        "test_what_the_cloud_cannot_read_yet_waits_and_is_sent_once_it_can",
    ),
)  # fmt: skip
