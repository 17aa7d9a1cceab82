"""Units, installer, locks and pages."""

from __future__ import annotations

from tests.mutants.mutation import Mutation

MUTATIONS = (
    Mutation(
        "restored-over-what-was-rated", "ratings given on the new card in the meantime are kept",
        "docs/operations.md", "systemd/state_copy.py",
        "    if holds_something:\n", "    if False:\n",
        "tests/systemd/test_backup.py::test_a_new_card_continues_where_the_old_one_was",
    ),
    Mutation(
        "damaged-backup-restored", "a damaged file changes nothing",
        "docs/operations.md", "systemd/steps/backup.sh",
        "sha256sum --check --strict --quiet SHA256SUMS", "true",
        "tests/systemd/test_backup.py::test_a_backup_whose_content_was_changed_changes_nothing",
    ),
    Mutation(
        "installer-not-isolated", "Python in isolated mode", "docs/security.md",
        "systemd/steps/release.sh",
        "/usr/bin/python3 -I -m venv", "/usr/bin/python3 -m venv",
        "tests/systemd/test_root.py::test_every_python_that_the_installer_runs_is_isolated",
        gate=True,
    ),
    Mutation(
        "waits-for-network", "never wait for a network, a clock or a cloud", "README.md",
        "systemd/greenlight.service",
        "PartOf=greenlight.target\n",
        "PartOf=greenlight.target\nAfter=network-online.target\n",
        "tests/systemd/test_units.py::test_nothing_waits_for_network_or_clock",
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
        "restarts-for-nothing", "restarts it after every code except 0, 2, 76 and 78",
        "docs/appliance.md",
        "systemd/greenlight.service",
        "RestartPreventExitStatus=2 76 78",
        "RestartPreventExitStatus=2 78",
        "tests/systemd/test_appliance_page.py::test_the_codes_that_systemd_leaves_alone_are_named",
    ),
    Mutation(
        "wrong-sum", "Tests multiply the rows",
        "docs/costs.md", "docs/costs.md",
        "| $0.08 a million | $3.46 |",
        "| $0.08 a million | $3.64 |",
        "tests/test_pages.py::test_every_sum_in_the_page_of_costs_is_right",
    ),
    Mutation(
        "unexplained-package", "One line justifies each",
        "docs/dependencies.md", "docs/dependencies.md",
        "| uuid6 | all |",
        "| uuid7 | all |",
        "tests/test_conventions.py::test_every_dependency_is_explained_and_nothing_else",
    ),
    Mutation(
        "rollback-forgets-corrections", "the next upgrade finds the corrections again",
        "docs/decisions/0026-feedback-version-2.md", "systemd/journal_copy.py",
        "            _bring_corrections(connection)\n", "            pass\n",
        "tests/systemd/test_downgrade.py::"
        "test_corrections_survive_a_rollback_and_the_next_upgrade",
    ),
)  # fmt: skip
