"""The pages are compared with the code: fields, topics, limits, and the sums of the costs."""

import re
import sys
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
import yaml

from data import limits, manifest, topics, verdict
from data.catalogue import Catalogue
from data.messages import (
    Ack,
    Feedback,
    FeedbackBatch,
    FeedbackOutcome,
    ModelUpdateJob,
    ShadowReport,
    VerificationReply,
    VerificationRequest,
)
from data.picks import Pick, Prediction

DOCS = Path(__file__).parents[1] / "docs"
RECORDS = {
    "FeedbackBatch": FeedbackBatch,
    "Feedback": Feedback,
    "Ack": Ack,
    "FeedbackOutcome": FeedbackOutcome,
    "VerificationRequest": VerificationRequest,
    "VerificationReply": VerificationReply,
    "ModelUpdateJob": ModelUpdateJob,
    "ShadowReport": ShadowReport,
    "Pick": Pick,
    "Prediction": Prediction,
    "Manifest": manifest.Manifest,
    "Verdict": verdict.Verdict,
    "ModelIdentity": verdict.ModelIdentity,
    "Comparison": verdict.Comparison,
    "Check": verdict.Check,
    "Catalogue": Catalogue,
}


@pytest.fixture(scope="module")
def wire_format():
    return (DOCS / "wire-format.md").read_text("utf-8")


@pytest.mark.parametrize("name", RECORDS)
def test_the_wire_formats_page_names_every_field_of_a_record(wire_format, name):
    begin = wire_format.index(f"**{name}**")
    following = [wire_format.find(end, begin + 1) for end in ("\n## ", "\n**", "An **")]
    stated = wire_format[begin : min(place for place in following if place > 0)]
    fields = {field.encode_name for field in msgspec.structs.fields(RECORDS[name])}
    assert fields - set(re.findall(r"`(\w+)`", stated)) == set()


def test_the_wire_format_page_states_the_limits_as_they_are(wire_format):
    rows = re.findall(r"^\| `(MAX_\w+)` \| ([\d,]+) \|", wire_format, flags=re.MULTILINE)
    stated = {name: int(value.replace(",", "")) for name, value in rows}
    assert stated == {
        name: getattr(limits, name) for name in dir(limits) if name.startswith("MAX_")
    }


def test_the_wire_formats_page_names_every_topic(wire_format):
    for topic in (
        topics.feedback("T"),
        topics.feedback_ack("T"),
        topics.verification("T"),
        topics.verification_reply("T"),
        topics.jobs("T") + "/...",
        topics.shadow_update("T"),
    ):
        assert f"`{topic.replace('/T', '/<thing>')}`" in wire_format


def cost_rows():
    """Yield name, amount, price and cost of each sum in the page of costs."""
    text = (DOCS / "costs.md").read_text("utf-8")
    number = r"([\d,.]+)"
    for row in re.finditer(
        rf"^\| (.+?) \| {number}[^|]*\| \${number} a ([^|]+?) \| \${number} \|$",
        text,
        flags=re.MULTILINE,
    ):
        amount, price, cost = (Decimal(row[n].replace(",", "")) for n in (2, 3, 5))
        yield row[1], amount, price, row[4], cost


UNITS = {"million": 10**6, "thousand": 10**3, "10,000": 10**4}


def test_every_sum_in_the_page_of_costs_is_right():
    rows = list(cost_rows())
    assert len(rows) > 10
    for name, amount, price, unit, cost in rows:
        each = next((size for word, size in UNITS.items() if unit.startswith(word)), 1)
        assert abs(amount * price / each - cost) <= Decimal("0.005"), name


def test_the_security_page_states_the_sign_in_limits_as_they_are():
    from edge.appliance import sign_in
    from edge.page.port import SESSION_SECONDS

    stated = (DOCS / "security.md").read_text("utf-8")
    assert f"{sign_in.DIGITS} digits" in stated
    assert f"After {sign_in.FREE_GUESSES} wrong guesses" in stated
    assert (sign_in.FIRST_LOCK_SECONDS, sign_in.LONGEST_LOCK_SECONDS) == (60, 3600)
    assert f"after {SESSION_SECONDS // 86_400} days" in stated


def test_every_module_that_a_page_names_is_there():
    root = DOCS.parent
    for page in [*DOCS.glob("*.md"), root / "CONTRIBUTING.md", root / "README.md"]:
        packages = "data|judging|edge|training|cloud_sync|lambdas|local_cloud|systemd|tests"
        named = re.findall(rf"`((?:{packages})/[\w./*-]+)`", page.read_text("utf-8"))
        missing = [name for name in named if not any(root.glob(name.rstrip("/")))]
        assert missing == [], page.name


def test_the_page_of_performance_names_figures_that_the_bench_measures():
    stated = re.findall(
        r"^\| `(\w+)` \|", (DOCS / "performance.md").read_text("utf-8"), re.MULTILINE
    )
    bench = DOCS.parent / "tests" / "bench"
    measured = "".join(path.read_text("utf-8") for path in bench.glob("*.py"))
    assert [key for key in stated if f'"{key}"' not in measured.replace("{TIMES}", "100")] == []
    assert len(stated) > 10


def test_every_pre_commit_hook_calls_a_tool_of_the_environment():
    config = yaml.safe_load((DOCS.parent / ".pre-commit-config.yaml").read_text("utf-8"))
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    for hook in config["repos"][0]["hooks"]:
        folder, _, tool = hook["entry"].split()[0].rpartition("/")
        assert folder == ".venv/bin"
        assert (Path(sys.executable).parent / tool).exists(), hook["id"]
