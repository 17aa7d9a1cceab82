"""Our conventions: dependencies explained and locked, a light device, no secrets, unique names."""

import ast
import re
import subprocess
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ROLES = PROJECT["optional-dependencies"]


def name_of(requirement: str) -> str:
    return re.match(r"[A-Za-z0-9._-]+", requirement)[0].lower()


def locked(role: str) -> set[str]:
    lines = (ROOT / "locks" / f"{role}.txt").read_text().splitlines()
    return {name_of(line) for line in lines if line[:1].isalnum()}


# These have separate environments: the local cloud, what builds the site, what makes environments.
OUTSIDE = {"ministack", "virtualenv", "zensical"}


def test_every_dependency_is_explained_and_nothing_else():
    rows = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs/dependencies.md").read_text(), re.MULTILINE)
    explained = {name for row in rows[1:] for name in row.split(", ")} - {"---"}
    named = {
        name_of(requirement)
        for requirements in [PROJECT["dependencies"], *ROLES.values()]
        for requirement in requirements
    }
    assert explained == named | OUTSIDE


@pytest.mark.parametrize("role", sorted(ROLES))
def test_every_dependency_is_locked_for_its_role(role):
    wanted = {name_of(one) for one in [*PROJECT["dependencies"], *ROLES[role]]}
    assert wanted - locked(role) == set()


@pytest.mark.parametrize("lock", sorted(path.name for path in (ROOT / "locks").glob("*.txt")))
def test_every_locked_package_has_its_hashes_and_no_address(lock):
    text = (ROOT / "locks" / lock).read_text()
    assert "://" not in text
    packages = re.split(r"\n(?=\S)", text.strip())
    assert [package for package in packages if "--hash=sha256:" not in package] == []


@pytest.mark.parametrize("role", ["edge", "sync"])
@pytest.mark.parametrize("heavy", ["pandas", "scikit-learn", "onnx", "skl2onnx", "scipy"])
def test_what_only_training_needs_never_reaches_the_device(role, heavy):
    assert heavy not in locked(role)


def committed() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_no_private_key_and_no_certificate_is_committed():
    armour = re.compile(rb"-----BEGIN [A-Z ]*(PRIVATE KEY|CERTIFICATE)-----\n[A-Za-z0-9+/]{20}")
    assert [path.name for path in committed() if armour.search(path.read_bytes())] == []
    assert [path.name for path in committed() if path.suffix in (".pem", ".key", ".crt")] == []


# What runs code that is hidden in data. (The words themselves: this file would find itself.)
RUNS_WHAT_IT_READS = re.compile(
    r"import (pickle|_pickle|dill|marshal|shelve|cloudpickle)\b|from (pickle|dill|marshal) import"
    r"|joblib\.(load|dump)\b|from joblib import .*\b(load|dump)\b|allow_pickle=True"
    r"|\bread_pickle\b|\bto_pickle\b"
)


def test_nothing_is_kept_in_a_form_that_runs_code_when_it_is_read():
    found = {
        f"{path.relative_to(ROOT)}: {hit[0]}"
        for path in committed()
        if path.suffix in (".py", ".yaml", ".toml", ".sh", "") and path != Path(__file__)
        for hit in RUNS_WHAT_IT_READS.finditer(path.read_text("utf-8", "replace"))
    }
    # This one writes a file that must be refused.
    assert {entry.split(":")[0] for entry in found} == {"tests/data/test_npz.py"}


PACKAGES = {"data", "judging", "training", "edge", "cloud_sync", "lambdas", "local_cloud"}


def test_the_top_level_holds_only_the_named_folders():
    folders = {path.relative_to(ROOT).parts[0] for path in committed() if path.parent != ROOT}
    assert folders <= {*PACKAGES, "systemd", "tests", "docs", "locks", "examples", ".ci", ".github"}


def public_classes() -> dict[str, list[str]]:
    """Return the files that define each public class, by the class's name."""
    found = defaultdict(list)
    for path in committed():
        where = path.relative_to(ROOT)
        if where.parts[0] in PACKAGES and path.suffix == ".py":
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found[node.name].append(str(where))
    return found


def test_no_public_class_name_occurs_twice():
    twice = {name: files for name, files in public_classes().items() if len(files) > 1}
    assert twice == {}


def test_no_page_runs_a_module():
    """What a reader may run is an executable or a target of make."""
    pages = [path for path in committed() if path.suffix == ".md"]
    assert [path.name for path in pages if "python -m " in path.read_text("utf-8")] == []


def test_make_alone_lists_what_can_be_asked_for():
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for target in ("demo", "test", "check", "train-export", "cloud"):
        assert f"make {target} " in listed


# ---------------------------------------------------------------- tests


# From this many lines on a module needs tests of its own name at the mirrored place,
LEAST_LINES = 60
# or is here, with the tests that reach it. Delete its line once it has tests of its own.
TESTED_THROUGH = {
    # Records and errors: read and written by the golden examples and by whoever uses them.
    "cloud_sync/events.py": "tests/cloud_sync/test_session.py",
    "data/catalogue.py": "tests/data/test_golden.py",
    "data/checks.py": "tests/data/test_messages.py",
    "data/manifest.py": "tests/data/test_golden.py",
    "data/seen.py": "tests/cloud_sync/test_ratchet.py",
    "data/verdict.py": "tests/data/test_golden.py",
    "edge/page/client.py": "tests/edge/page/test_connections.py",
    "edge/page/port.py": "tests/edge/page/test_actions.py",
    "edge/page/stored_answer.py": "tests/edge/page/test_grid.py",
    "edge/search/answer.py": "tests/edge/search/test_show.py",
    "local_cloud/state.py": "tests/local_cloud/test_commands.py",
    "training/errors.py": "tests/training/sources/test_sources.py",
    # Composition and command lines: their promise is what the command does.
    "cloud_sync/assembly.py": "tests/cloud_sync/test_end_to_end.py",
    "edge/commands/bundle.py": "tests/edge/commands/test_pick.py",
    "edge/commands/pin.py": "tests/edge/page/test_sign_in.py",
    "edge/commands/score.py": "tests/edge/commands/test_pick.py",
    "edge/commands/output.py": "tests/edge/appliance/test_run.py",
    "local_cloud/demo/context.py": "tests/local_cloud/demo/test_steps.py",
    "local_cloud/demo/evidence.py": "tests/local_cloud/demo/test_steps.py",
    "training/cli/films.py": "tests/training/sources/test_sources.py",
    "training/cli/inspection.py": "tests/training/test_inspection.py",
    "training/cli/output.py": "tests/training/cli/test_bundles.py",
    "training/cli/retraining.py": "tests/training/retraining/test_retrain.py",
    # Parts that only their caller uses, which has the promise.
    "cloud_sync/aws_iot.py": "tests/cloud_sync/test_mqtt.py",
    "edge/appliance/client.py": "tests/edge/appliance/test_control_socket.py",
    "edge/journal/models.py": "tests/edge/models/test_update.py",
    "edge/journal/rows.py": "tests/edge/journal/test_appliance.py",
    "edge/models/copying.py": "tests/edge/models/test_activation.py",
    "edge/models/probing.py": "tests/edge/models/test_trial.py",
    "edge/panel/led.py": "tests/edge/panel/test_hardware.py",
    "edge/search/among.py": "tests/edge/search/test_rules.py",
    "edge/search/different.py": "tests/edge/search/test_rules.py",
    "edge/search/domain_slate.py": "tests/examples/test_domains.py",
    "edge/search/explained.py": "tests/edge/search/test_what_if.py",
    "edge/search/forbidden.py": "tests/edge/search/test_rules.py",
    "edge/search/score_blocks.py": "tests/edge/search/test_score.py",
    "edge/search/show_explained.py": "tests/edge/commands/test_explain.py",
    "edge/search/title_words.py": "tests/edge/search/test_titles.py",
    "systemd/fetch_wheels.py": "tests/locks/test_future.py",
    "systemd/state_copy.py": "tests/systemd/test_backup.py",
    "systemd/journal_copy.py": "tests/systemd/test_root.py",
    "training/dataset.py": "tests/training/sources/test_sources.py",
    "training/export/converter.py": "tests/training/export/test_model_graph.py",
    "training/export/example_bundle.py": "tests/training/export/test_verify.py",
    "training/export/graph_writer.py": "tests/training/export/test_model_graph.py",
    "training/export/predicted_size.py": "tests/training/export/test_fitness.py",
    "training/export/runtime.py": "tests/training/export/test_model_graph.py",
    "training/model/columns.py": "tests/training/model/test_pairs.py",
    "training/model/features.py": "tests/training/model/test_estimator.py",
    "training/model/mixed_model.py": "tests/training/export/test_catalogue.py",
    "training/report/data_figures.py": "tests/training/report/test_report.py",
    "training/report/first_page.py": "tests/training/report/test_report.py",
    "training/report/model_figures.py": "tests/training/report/test_report.py",
    "training/report/style.py": "tests/training/report/test_report.py",
    "training/report/svg.py": "tests/training/report/test_report.py",
    "training/retraining/job.py": "tests/training/retraining/test_retrain.py",
    "training/retraining/judge.py": "tests/training/retraining/test_retrain.py",
    "training/retraining/judged_model.py": "tests/training/retraining/test_retrain.py",
    "training/retraining/objects.py": "tests/training/retraining/test_compact.py",
    "training/retraining/report.py": "tests/training/retraining/test_compact.py",
    "training/retraining/shards.py": "tests/training/retraining/test_compact.py",
    "training/retraining/training_set.py": "tests/training/retraining/test_compact.py",
    "training/sources/cells.py": "tests/training/sources/test_own_table.py",
    "training/sources/layouts.py": "tests/training/sources/test_own_table.py",
    "training/sources/mapped.py": "tests/training/sources/test_own_table.py",
    "training/sources/profile.py": "tests/training/sources/test_own_table.py",
    "training/sources/proposal.py": "tests/training/sources/test_own_table.py",
    "training/sources/sample.py": "tests/training/sources/test_sources.py",
    "training/sources/spreadsheet.py": "tests/training/sources/test_own_table.py",
    "training/sources/table_file.py": "tests/training/sources/test_own_table.py",
    "training/sources/text_file.py": "tests/training/sources/test_own_table.py",
    # What only AWS, or the local cloud in its place, can show.
    "lambdas/event.py": "tests/lambdas/store_feedback/test_handler.py",
    "lambdas/kms_key.py": "tests/lambdas/test_template.py",
    "lambdas/operator/aws.py": "tests/lambdas/operator/test_stack.py",
    "lambdas/operator/cli.py": "tests/data/test_command_line.py",
    "lambdas/operator/cloudformation.py": "tests/lambdas/operator/test_stack.py",
    "lambdas/predict/answer.py": "tests/lambdas/predict/test_handler.py",
    "lambdas/release_model/handler.py": "tests/lambdas/test_training_jobs.py",
    "lambdas/release_model/stores.py": "tests/lambdas/test_training_jobs.py",
    "lambdas/serving.py": "tests/local_cloud/test_sagemaker.py",
    "lambdas/start_retraining/handler.py": "tests/test_loop.py",
    "local_cloud/control.py": "tests/lambdas/store_feedback/test_load.py",
    "local_cloud/emulator.py": "tests/local_cloud/test_commands.py",
    "local_cloud/endpoint.py": "tests/local_cloud/test_sagemaker.py",
    "local_cloud/roles.py": "tests/lambdas/test_training_jobs.py",
    "local_cloud/sagemaker_server.py": "tests/local_cloud/test_sagemaker.py",
    "local_cloud/supervisor.py": "tests/local_cloud/test_commands.py",
    "local_cloud/training.py": "tests/lambdas/test_training_jobs.py",
}


def module_tests(module: Path) -> Path:
    return Path("tests") / module.parent / f"test_{module.name}"


def test_every_module_has_tests_of_its_name_or_is_listed_with_those_that_reach_it():
    tracked = {path.relative_to(ROOT) for path in committed() if path.suffix == ".py"}
    modules = {
        path
        for path in tracked
        if path.parts[0] in {*PACKAGES, "systemd", "locks"}
        and not path.name.startswith("__")
        and len((ROOT / path).read_text("utf-8").splitlines()) >= LEAST_LINES
    }
    untested = {str(path) for path in modules if module_tests(path) not in tracked}
    new, stale = sorted(untested - set(TESTED_THROUGH)), sorted(set(TESTED_THROUGH) - untested)
    wanted = ", ".join(str(module_tests(Path(one))) for one in new)
    assert new == [], f"add {wanted}, or list what reaches them"
    assert stale == [], f"no longer in need of being listed: {', '.join(stale)}"


def is_fixture(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("fixture" in ast.unparse(one) for one in function.decorator_list)


def unused_parameters(text: str) -> list[str]:
    """Return each parameter that a test or a fixture asks for and never reads."""
    return [
        f"{function.name}({parameter.arg})"
        for function in ast.walk(ast.parse(text))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and (function.name.startswith("test_") or is_fixture(function))
        for parameter in [*function.args.args, *function.args.kwonlyargs]
        if parameter.arg not in {"self", "cls"}
        and not any(
            isinstance(node, ast.Name) and node.id == parameter.arg
            for statement in function.body
            for node in ast.walk(statement)
        )
    ]


def test_every_fixture_that_a_test_asks_for_is_used():
    """Where only the effect is wanted: `@pytest.mark.usefixtures`."""
    found = {
        str(path.relative_to(ROOT)): unused
        for path in committed()
        if path.is_relative_to(ROOT / "tests") and path.suffix == ".py"
        for unused in [unused_parameters(path.read_text("utf-8"))]
        if unused
    }
    assert found == {}


def test_an_unused_fixture_parameter_is_found():
    assert unused_parameters("def test_x(a, b):\n    assert a") == ["test_x(b)"]
    assert unused_parameters("@pytest.fixture\ndef x(a):\n    return 1") == ["x(a)"]
    assert unused_parameters("def helper(a):\n    return 1") == []


# ---------------------------------------------------------------- English


# What these sentences used to say, and what to write instead. Case doesn't matter.
STIFF = {
    r"\btold\b|\btells? (of|whoever)\b": "shown, reported, printed; name a variable by its content",
    r"(?<!there )(?<!there's )\b(is|are|was|were) no (?!longer\b|such\b)": "isn't a, aren't",
    r"\bwhoever\b": "a user, an attacker, anyone who",
    r"(?<!in )\bone who\b|\bone's own\b": "a user who; your own",
    r"\bfor ever\b": "forever",
    r"\ball the same\b": "still, anyway",
    r"\bbec(a|o)mes? of\b": "the outcome of, what happened to",
    r"\b(stands?|lies?) in (?!the way)": "is in, replaces",
    r"\blies? (above|below|beside|between|outside|under|where)\b": "is above, is outside",
    r"\bit is not so\b|\bis it so\b|\bof whom one\b": "say it directly",
    r"\b(mend|anew|shall|lest)\b": "fix, again, will, so that not",
    r"\bthe (desk|house|door|atlas)\b|\bof several rooms\b": "local cloud, page, auth, index",
    r"\b(tether|setback|contender|ailing)\b": "supervise, failure, candidate, check failed",
    r"\bsurprise\b": "log loss, unexpected",
    r"\bbesides\b": "in addition to, other than, as well as",
    r"\b(hence|therefore|thereby|whereby|upon|in vain|need not)\b": "so, on, for nothing, needn't",
    r"\b(an?|no) (?!threshold)\w+ of (its|our|their) own\b": "its own, our own",
    r"\bcame of\b|\bcomes of\b": "the outcome of, the result",
    r"\bwhat is (later|earlier|older|newer)\b": "name it: later years, older models",
    r"\bawaits\b": "waits for",
    r"(?<!updates )\b(is|are) to be\b": "must be, will be",
}
# The titles that picks get may use any word.
FREE = {"LICENSE", "edge/search/title_words.py", "tests/test_conventions.py"}
PROSE = {".py", ".md", ".toml", ".sh", ".yaml", ".html", ".js", ".service", ".socket", ""}


def stiff(text: str) -> list[str]:
    """Return each stiff phrase of a text with what to write instead."""
    return [
        f"{text[: found.start()].count(chr(10)) + 1}: {found.group()!r}: write {instead}"
        for phrase, instead in STIFF.items()
        for found in re.finditer(phrase, text, re.IGNORECASE)
    ]


def test_nothing_is_said_in_words_that_were_replaced():
    """CONTRIBUTING.md asks for plain English in the field's own terms."""
    found = {
        where: phrases
        for path in committed()
        for where in [str(path.relative_to(ROOT))]
        if path.suffix in PROSE and not where.startswith(("locks/", "data/golden/"))
        if where not in FREE
        for phrases in [stiff(path.read_text("utf-8", errors="replace"))]
        if phrases
    }
    assert found == {}


def names(text: str) -> list[str]:
    """Return the names of a module's functions and classes, as words."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    found = [node.name for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]
    return [name.replace("_", " ") for name in found]


def test_no_name_is_made_of_words_that_were_replaced():
    """A test's name is a sentence, too."""
    found = {
        f"{path.relative_to(ROOT)}: {name}": phrases
        for path in committed()
        if path.suffix == ".py"
        for name in names(path.read_text("utf-8"))
        if (phrases := stiff(name))
    }
    assert found == {}


def test_a_replaced_word_in_a_name_is_found():
    assert [bool(stiff(name)) for name in names("def test_who_is_told(): ...")] == [True]


def test_a_replaced_word_is_found():
    assert stiff("The owner is told.\nIt is no file; there is no other.") == [
        "1: 'told': write shown, reported, printed; name a variable by its content",
        "2: 'is no ': write isn't a, aren't",
    ]
