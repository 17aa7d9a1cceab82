"""The journal: `edge/journal`."""

from __future__ import annotations

from tests.mutants.mutation import Mutation

MUTATIONS = (
    Mutation(
        "commits-not-synced", "A rating is on disk before the appliance confirms it",
        "README.md", "edge/journal/file.py",
        "PRAGMA synchronous=FULL", "PRAGMA synchronous=NORMAL",
        "tests/edge/journal/test_file.py::test_committed_changes_are_on_disk",
        gate=True,
    ),
    Mutation(
        "old-log-met", "A rating is on disk before the appliance confirms it",
        "README.md", "edge/journal/file.py",
        'for suffix in ("-wal", "-shm", ""):', 'for suffix in ("", "-wal", "-shm"):',
        "tests/edge/journal/test_file.py::test_setting_aside_may_break_off_anywhere_and_no_new_journal_meets_an_old_log",
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
        "tests/edge/journal/test_file.py::test_a_check_that_takes_too_long_holds_up_no_start",
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
        "corrections-without-end", "A device keeps 20 corrections",
        "docs/decisions/0026-feedback-version-2.md", "edge/journal/ratings.py",
        "    elif len(links) > limits.MAX_CORRECTIONS and not feedback.withdraws:",
        "    elif False:",
        "tests/edge/journal/test_ratings.py::test_so_many_corrections_are_kept_and_no_more",
    ),
    Mutation(
        "corrects-what-was-corrected", "A device corrects only what counts",
        "docs/wire-format.md", "edge/journal/ratings.py",
        "    elif feedback.replaces not in ends:", "    elif False:",
        "tests/edge/journal/test_ratings.py::test_only_what_counts_can_be_replaced",
    ),
)  # fmt: skip
