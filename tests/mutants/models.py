"""The models on a device: `edge/models` and what it receives."""

from __future__ import annotations

from tests.mutants.mutation import Mutation

MUTATIONS = (
    Mutation(
        "lost-record-lets-in", "record of accepted models lets nothing in", "docs/security.md",
        "edge/models/store.py",
        "if self._asides() or self.accepted():", "if False:",
        "tests/edge/models/test_store.py::test_a_record_that_cannot_be_rebuilt_accepts_no_model_until_started_over",
    ),
    Mutation(
        "quarantine-forgotten", "stays in quarantine by its hash", "docs/security.md",
        "edge/models/activation.py",
        "if manifest.model_hash in known.quarantined:", "if False:",
        "tests/edge/models/test_activation.py::test_a_model_in_quarantine_is_refused_under_any_version",
    ),
    Mutation(
        "never-rolled-back",
        "signed, checked, tried in a child process, and rolled back automatically",
        "README.md", "edge/models/active.py",
        "pointer.trial.failures >= FAILURES_BEFORE_ROLL_BACK",
        "pointer.trial.failures > FAILURES_BEFORE_ROLL_BACK",
        "tests/edge/models/test_active.py::test_three_deaths_at_work_in_one_boot_roll_back_and_quarantine",
    ),
    Mutation(
        "power-cut-blamed",
        "signed, checked, tried in a child process, and rolled back automatically",
        "README.md", "edge/models/active.py",
        "died = pointer.trial.boot_id == boot", "died = True",
        "tests/edge/models/test_active.py::test_power_cuts_never_count",
    ),
    Mutation(
        "no-sandbox", "gives up every right before it touches the model", "docs/security.md",
        "edge/models/trial.py",
        "        confine()\n", "",
        "tests/edge/models/test_sandbox.py::test_a_trial_drops_its_rights_before_it_loads_the_model",
    ),
    Mutation(
        "no-processor-limit", "limits on memory, processor time", "docs/security.md",
        "edge/models/trial.py",
        "    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))\n", "",
        "tests/edge/models/test_sandbox.py::test_a_trials_processor_time_is_limited_by_the_kernel",
    ),
    Mutation(
        "sandbox-lets-files-open", "system calls that name no file", "docs/security.md",
        "edge/models/sandbox.py",
        '    "exit": (60, 93),\n', '    "exit": (60, 93),\n    "openat": (257, 56),\n',
        "tests/edge/models/test_sandbox.py::test_nothing_is_in_reach_once_confined",
    ),
    Mutation(
        "another-domain-taken", "keeps to the name of its first model and refuses any other",
        "docs/your-own-table.md", "edge/models/activation.py",
        "    if known.name not in (None, manifest.name):\n", "    if False:\n",
        "tests/edge/models/test_activation.py"
        "::test_a_signed_manifest_for_other_devices_is_refused",
    ),
    Mutation(
        "wait-without-end", "feeds its watchdog only while the main loop runs",
        "docs/appliance.md", "edge/models/trial.py",
        "            child.wait(_KILLED_SECONDS)\n", "            child.wait()\n",
        "tests/test_waits.py::test_every_wait_has_a_deadline_or_is_listed_with_its_reason",
    ),
    Mutation(
        "no-filter-no-matter", "no model is tried", "docs/security.md",
        "edge/models/sandbox.py",
        '        raise NoSandbox(ctypes.get_errno(), "the kernel refuses the seccomp filter")',
        "        return",
        "tests/edge/models/test_sandbox.py::test_a_device_without_a_filter_loads_nothing",
    ),
    Mutation(
        "lost-trust-forgotten", "doesn't bring the old keys back",
        "docs/security.md", "edge/models/update.py",
        "        if trust.version < known.trust:",
        "        if False:",
        "tests/edge/models/test_update.py::test_an_expired_or_lost_trust_document_"
        "accepts_nothing_new",
    ),
)  # fmt: skip
