"""Both example tables, from the file to a retrained model, on the local cloud and in a browser."""

from __future__ import annotations

import json
import random
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from data import signing, topics, wire
from data.domain import NO_ORDINAL, NO_TAG, Domain
from data.films import stars_of
from data.messages import Feedback, FeedbackBatch
from local_cloud.demo import steps
from local_cloud.demo.context import THING, DemoContext
from local_cloud.demo.runner import Runner
from training.dataset import load
from training.export.bundle import prepare, summary_of, write
from training.export.example_bundle import small_model
from training.report import draw
from training.sources.options import Options

from ..edge.page.browser import Browser, open_browser
from .test_domains import EXAMPLES, FILM_WORDS

# Two local clouds, each with a training job: minutes on a busy machine.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.chromium,
    pytest.mark.numeric,
    pytest.mark.timeout(1_500),
]

PAGES = ("", "slate", "what-if", "history", "model", "sync", "report.html")
# A batch is as large as a device's.
_BATCH = 100
_TRAINING_SECONDS = 900.0
# A device's trial of a new model plays presses, which takes longest on a busy machine.
_WAIT_SECONDS = 300.0
# What a page shows, what it holds back until asked, and what is read aloud.
_EVERYTHING = """
document.querySelectorAll('details').forEach((one) => { one.open = true; });
const shown = [document.title, document.body.innerText];
for (const one of document.querySelectorAll('svg text, svg title, svg desc'))
  shown.push(one.textContent);
for (const one of document.querySelectorAll('[title], [aria-label], [placeholder], [alt]'))
  for (const name of ['title', 'aria-label', 'placeholder', 'alt'])
    shown.push(one.getAttribute(name) || '');
return shown.join(' ');
"""


@dataclass
class Business:
    """Somebody's domain: appliance, sync service and cloud, with a browser on the page."""

    domain: Domain
    context: DemoContext
    browser: Browser

    def sees(self, path: str, name: str) -> str:
        """Return everything on a page, in which no word is about films; keep a picture of it."""
        self.browser.get(f"{self.address}{path}")
        text = self.browser.wait(lambda: self.browser.execute_script(_EVERYTHING))
        self.browser.screenshot(f"{self.domain.name}-{path.partition('.')[0] or 'pick'}-{name}")
        assert not FILM_WORDS.search(text), (path, _around(text))
        return text

    def reads(self, said: str) -> str:
        """Return a command's output, in which no word is about films."""
        assert not FILM_WORDS.search(said), _around(said)
        return said

    @property
    def address(self) -> str:
        return f"http://localhost:{self.context.page_port}/"


def _around(text: str) -> list[str]:
    return [
        text[max(0, found.start() - 60) : found.end() + 60] for found in FILM_WORDS.finditer(text)
    ]


@pytest.fixture(scope="module", params=["lunches", "plumbers"])
def business(request, tmp_path_factory, chromium_path) -> Iterator[Business]:
    """The domain's own table, inspected, exported, published and delivered."""
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    table = folder / f"{name}.csv"
    shutil.copy(EXAMPLES / name / table.name, table)
    shutil.copy(EXAMPLES / name / f"{name}.domain.toml", folder)
    films, bundle = folder / "films.csv", folder / "given" / "bundle"
    with ExitStack() as ending:
        patch = ending.enter_context(pytest.MonkeyPatch.context())
        # So few rows are fitted sooner by one process than by two that have to start first.
        patch.setenv("SM_NUM_CPUS", "1")
        runner = Runner(folder)
        runner.run("greenlight-train", "inspect", str(table))
        own = ("--source", "csv", "--ratings", str(table))
        runner.run("greenlight-train", "dataset", *own, "--out", str(films))
        read = load("csv", table, options=Options())
        exported = prepare(read, small_model(), version=1, combinations=500)
        report = draw(read, summary_of(exported), folder)
        write(exported, bundle, signing.development_key(), report)

        context = DemoContext(runner, bundle, films)
        context.clear()
        ending.callback(context.stop_cloud)
        runner.run(*context.cloud("start", "--set", f"ModelName={name}"))
        steps.cloud(context, ending)
        steps.boot(context, ending)
        steps.update(context)
        browser = ending.enter_context(open_browser(chromium_path))
        pin = runner.run(*context.greenlight("pin"), quiet=True).strip()
        browser.sign_in(f"http://localhost:{context.page_port}/", re.sub(r"\D", "", pin))
        yield Business(read.domain, context, browser)
        for log in sorted(folder.rglob("*.log")):
            print(f"== {log.name}", *log.read_text(errors="replace").splitlines()[-20:], sep="\n")


def newcomers(domain: Domain, model: dict[str, object], count: int = 600) -> list[Feedback]:
    """Return ratings of choices that the table doesn't know, some good and some bad.

    They are distinguished by who they are, and by nothing that the first model could know.
    """
    draw = random.Random(23)
    shift = domain.ordinal.shift if domain.ordinal else 0
    tags = ("beans", "carrot", "chickpeas", "ginger", "kale", "leek", "lemon", "mint")
    usual = {f"Newcomer {number}": draw.uniform(1.5, 9.5) for number in range(count // 10)}
    ratings = []
    for name, level in usual.items():
        for _ in range(10):
            rating = round(min(max(draw.gauss(level, 0.5), 1.0), 10.0), 2)
            identity = str(uuid.UUID(int=draw.getrandbits(128), version=4))
            ratings.append(
                Feedback(
                    id=identity,
                    thing=THING,
                    pick_id=identity,
                    title=name,
                    director=name,
                    year=draw.randint(90, 104) + shift if domain.ordinal else NO_ORDINAL,
                    genres=tuple(sorted(draw.sample(tags, 2))) if domain.tags else (NO_TAG,),
                    expected=6.0,
                    stars=stars_of(rating),
                    rating=rating,
                    source="owner",
                    model_version=1,
                    model_hash=str(model["hash"]),
                    rated_at="2026-01-02T03:04:05Z",
                    boot_id="newcomers",
                )
            )
    return ratings


def test_from_its_table_to_a_better_model_in_its_own_words(business: Business):
    domain, context, browser = business.domain, business.context, business.browser
    runner, scale = context.runner, domain.outcome

    # Its model came as a job named after it, and is what the appliance answers with.
    assert context.status()["model"]["version"] == 1
    (first,) = (job["jobId"] for job in context.evidence.job_executions())
    assert first.startswith(f"{domain.name}-1-")
    browser.get(business.address)
    browser.find("#press").click()
    browser.wait(lambda: browser.find_elements("css selector", "#approve"))
    for path in PAGES:
        business.sees(path, "picked")

    # Approved and rated in the browser, on its own scale.
    browser.get(business.address)
    browser.wait(lambda: browser.find("#approve")).click()
    browser.wait(lambda: browser.find("[name=outcome]"))
    assert f"{scale.low:g} to {scale.high:g}" in business.sees("", "approved")
    given = {"lunches": "4.5", "plumbers": "87"}[domain.name]
    browser.find("[name=outcome]").send_keys(given)
    browser.find(".rate button").click()
    browser.wait(lambda: given in browser.text(".decide"))
    assert f"{given} {scale.unit}" in business.sees("", "rated")
    context.arrives(1)
    item = context.evidence.items()[0]
    assert float(item.get("rating", item["stars"])) == pytest.approx(
        scale.to_rating(float(given)), abs=0.01
    )
    runner.until(
        "the cloud's scores", lambda: steps.verified(context), _WAIT_SECONDS, *context.logs
    )

    # Others rate what the table doesn't know; the judge lets the model that learnt it replace ours.
    ratings = newcomers(domain, context.status()["model"])
    for start in range(0, len(ratings), _BATCH):
        batch = ratings[start : start + _BATCH]
        assert context.evidence.store(THING, wire.encode(FeedbackBatch.of(*batch))) == len(batch)
    said = runner.run(
        *("greenlight-cloud", "model", "retrain", "--films", str(context.films), "--wait"),
        *("--local", str(context.cloud_folder)),
        seconds=_TRAINING_SECONDS,
    )
    assert "released version 2" in said, said
    business.reads(re.sub(r"s3://\S+", "", said))

    def answers() -> dict[str, object] | None:
        found = context.status()["model"]
        return found if found["version"] == 2 else None

    runner.until("the new model answers", answers, _WAIT_SECONDS, *context.logs)
    runner.until("the job has succeeded", context.job_succeeded, _WAIT_SECONDS, *context.logs)
    s3, bucket = context.aws.client("s3"), context.aws.local.models_bucket
    kept = topics.bundle_prefix(domain.name, 2) + "manifest.json"
    manifest = json.load(s3.get_object(Bucket=bucket, Key=kept)["Body"])
    assert manifest["name"] == domain.name
    assert manifest["domain"]["words"]["thing"] == domain.words.thing

    # It knows the newcomers by now, and speaks of them in the domain's words.
    business.reads(runner.run(*context.greenlight("press"), quiet=True))
    for path in PAGES:
        business.sees(path, "retrained")
    assert "Newcomer" in runner.run(*context.greenlight("pick", "-k", "20"), quiet=True)
    (second,) = {one["jobId"] for one in context.evidence.job_executions()} - {first}
    assert second.startswith(f"{domain.name}-2-")
    for key in _reports(s3, bucket):
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        page = context.runner.folder / "verdict.html"
        page.write_bytes(body)
        browser.get(page.as_uri())
        text = browser.execute_script(_EVERYTHING)
        browser.screenshot(f"{domain.name}-verdict")
        assert not FILM_WORDS.search(text), _around(text)
        assert "Release version 2" in text


def _reports(s3: object, bucket: str) -> list[str]:
    found = s3.list_objects_v2(Bucket=bucket, Prefix=topics.OUTCOMES)["Contents"]
    return [one["Key"] for one in found if one["Key"].endswith("report.html")]
