"""The demonstration's steps, in order: each runs executables and shows the result."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

from data import topics, wire
from data.film_table import is_film, read_rows
from data.messages import FeedbackBatch
from local_cloud.demo.context import THING, WAIT_SECONDS, DemoContext
from local_cloud.demo.runner import StepFailed
from local_cloud.demo.season import make_season
from local_cloud.state import LocalState

# As many as a device sends at once.
_BATCH = 100


def films(context: DemoContext) -> None:
    """Build the film table."""
    with context.runner.step("The film table, from the sample"):
        context.runner.run(
            "greenlight-train", "dataset", "--source", "sample", "--out", str(context.films)
        )


def model(context: DemoContext) -> None:
    """Train, convert, check and sign."""
    with context.runner.step("A model: trained, converted to ONNX, checked on every row, signed"):
        context.runner.run(
            "greenlight-train", "export", "--source", "sample", "--out", str(context.bundle)
        )
        context.runner.run("greenlight-train", "verify", str(context.bundle))


def cloud(context: DemoContext, ending: ExitStack) -> None:
    """Start the local cloud, and provision a thing."""
    with context.runner.step("The local cloud, and a thing with its certificate"):
        ending.callback(context.stop_cloud)
        context.runner.run(*context.cloud("start"))
        context.runner.run(
            *("greenlight-cloud", "device", "provision", THING),
            *("--out", str(context.thing_folder), "--local", str(context.cloud_folder)),
        )


def boot(context: DemoContext, ending: ExitStack) -> None:
    """Start the appliance on mock pins, and the sync service."""
    with context.runner.step(
        "The appliance boots on simulated pins, without a model; so does the sync service"
    ):
        context.config.write_text(
            f'thing = "{THING}"\n'
            f'state = "{context.device.name}"\n'
            f'public_keys = "{context.thing_folder.name}/public-keys"\n'
            "demonstration = true\n"
            f"page_port = {context.page_port}\n"
        )
        appliance = ending.enter_context(
            context.runner.in_background("greenlight", *context.greenlight("run", "--simulate"))
        )

        def answers() -> bool | None:
            context.runner.check_running("greenlight", appliance)
            return True if (context.device / "control.sock").exists() else None

        context.runner.until(
            "the appliance to answer", answers, WAIT_SECONDS, context.runner.log("greenlight")
        )
        sync = ending.enter_context(
            context.runner.in_background(
                *("greenlight-sync", "greenlight-sync", "run"),
                *(
                    "--config",
                    str(context.thing_folder / "sync.toml"),
                    "--state",
                    str(context.device),
                ),
            )
        )

        def online() -> bool | None:
            context.runner.check_running("greenlight-sync", sync)
            return True if context.connection() == "online" else None

        context.runner.until(
            "sync to come online over mutual TLS", online, WAIT_SECONDS, *context.logs
        )
        context.runner.run(*context.greenlight("status"))

        def page() -> bool | None:
            context.runner.check_running("greenlight", appliance)
            return True if context.runner.logged("greenlight", "page:") else None

        log = context.runner.log("greenlight")
        context.runner.until("the page to open", page, WAIT_SECONDS, log)
        context.open_page()


def update(context: DemoContext) -> None:
    """Publish the bundle; an IoT Job delivers it to the appliance."""
    with context.runner.step("The model is published; an IoT Job delivers it to the appliance"):
        context.runner.run(
            *("greenlight-cloud", "model", "publish", str(context.bundle)),
            *("--local", str(context.cloud_folder), "--thing", THING),
            # The first model: the judge compares a candidate with the one in use.
            "--unjudged",
        )

        def active() -> str | None:
            model = context.status().get("model") or {}
            return model.get("hash")

        logs = (context.runner.log("greenlight"), *context.logs)
        context.runner.until("the model to answer", active, WAIT_SECONDS, *logs)
        context.runner.until("the job to succeed", context.job_succeeded, WAIT_SECONDS, *logs)
        context.runner.run(*context.greenlight("status"))


def press(context: DemoContext) -> None:
    """Press, look, hold, rate: once by the owner, once simulated."""
    with context.runner.step("The button is pressed: 36 combinations, scored in one call"):
        context.runner.run(*context.greenlight("press"))
        context.show_page()
    with context.runner.step("The button is held for 3 s: approved; the owner rates the film"):
        context.runner.run(*context.greenlight("hold", "3"))
        context.runner.run(*context.greenlight("rate", "8"))
        seen = context.runner.logged("greenlight", "led:")
        context.runner.show("the LED so far: " + " → ".join(dict.fromkeys(seen)))
    with context.runner.step("Once more, with a rating drawn from the prediction"):
        context.runner.run(*context.greenlight("press"), quiet=True)
        context.runner.run(*context.greenlight("hold", "3"))
        context.runner.run(*context.greenlight("rate", "--simulated"))


def feedback(context: DemoContext) -> None:
    """Journal, outbox, topic, function, both stores, ack; and a verification."""
    with context.runner.step("Journal -> outbox -> filmupdate -> function -> both stores -> ack"):
        context.arrives(2)
    with context.runner.step("The cloud's scikit-learn model scores the same picks"):
        agreed = context.runner.until(
            "the cloud's scores", lambda: verified(context), WAIT_SECONDS, *context.logs
        )
        context.runner.show(json.dumps(agreed))


def verified(context: DemoContext) -> dict[str, Any] | None:
    """Return the last verification, once there is one.

    Raises:
        StepFailed: the two sides didn't agree.
    """
    found: dict[str, Any] | None = context.sync_status().get("verification")
    if found and found["outcome"] != "agreed":
        raise StepFailed(f"the verification {found['outcome']}: {found}")
    return found


def outage(context: DemoContext) -> None:
    """Cut the network, rate two more films, restore it."""
    with context.runner.step("The network is cut; two more films are made and rated offline"):
        context.runner.run(*context.cloud("offline"))
        context.runner.until(
            "sync to notice",
            lambda: None if context.connection() == "online" else True,
            WAIT_SECONDS,
            *context.logs,
        )
        for stars in ("9", "4"):
            context.runner.run(*context.greenlight("press"), quiet=True)
            context.runner.run(*context.greenlight("approve"))
            context.runner.run(*context.greenlight("rate", stars))
        waiting = context.sync_status()["outbox"]["waiting"]
        if waiting != 2:
            raise StepFailed(f"2 ratings should wait in the outbox; {waiting} do")
        context.runner.show(f"{waiting} ratings wait in the journal")
    with context.runner.step("The network is back: everything arrives, exactly once"):
        context.runner.run(*context.cloud("online"))
        context.arrives(4)


def learning(context: DemoContext) -> None:
    """Rate once more, add an earlier season's ratings, and retrain."""
    runner = context.runner
    with runner.step("A fifth film, a fifth rating"):
        runner.run(*context.greenlight("press"), quiet=True)
        runner.run(*context.greenlight("approve"))
        runner.run(*context.greenlight("rate", "7"))
        context.arrives(5)
    with runner.step("Five ratings prove nothing: an earlier season's are added (made up)"):
        _add_season(context)
    with runner.step("A retraining: released only if ratings it never saw prove it better"):
        before = context.status()["model"]
        printed = runner.run(
            *("greenlight-cloud", "model", "retrain", "--films", str(context.films), "--wait"),
            *("--local", str(context.cloud_folder)),
            follow=LocalState(context.cloud_folder).training,
        )
    if "\nreleased version" not in printed:
        runner.show(f"version {before['version']} stays: a refusal changes nothing")
        return
    with runner.step("The new model arrives; the same film, and the next press"):
        runner.until(
            "the new model to answer",
            lambda: None if context.status()["model"] == before else True,
            WAIT_SECONDS,
            *context.logs,
        )
        runner.until("the job to succeed", context.job_succeeded, WAIT_SECONDS, *context.logs)
        _show_change(context)
        runner.run(*context.greenlight("press"))


def _add_season(context: DemoContext) -> None:
    """Have `store_feedback` store an earlier season's ratings, in the batches that devices send."""
    model = context.status()["model"]
    films = [row for row in read_rows(context.films) if is_film(row)]
    season = make_season(films, THING, model["version"], model["hash"])
    for first in range(0, len(season.ratings), _BATCH):
        batch = season.ratings[first : first + _BATCH]
        stored = context.evidence.store(THING, wire.encode(FeedbackBatch.of(*batch)))
        if stored != len(batch):
            raise StepFailed(f"only {stored} of {len(batch)} of the season's ratings were stored")
    context.runner.show(
        f"{len(season.ratings):,} ratings, by an audience that gives a film more stars for "
        f"{season.loved}",
        f"and fewer for {season.disliked} than the film table does",
    )


def _show_change(context: DemoContext) -> None:
    """Show what the new model says of the film that was picked last."""
    pick = context.runner.ask(*context.greenlight("history", "--json", "--limit", "1"))[0]["pick"]
    context.runner.show(
        f"{pick['title']}: {pick['prediction']['expected']:.2f} stars were expected; "
        f"by version {context.status()['model']['version']}:"
    )
    film = (pick["director"], str(pick["year"]), *pick["genres"])
    context.runner.run(*context.greenlight("explain", *film))


def show_evidence(context: DemoContext) -> None:
    """Show an item, its object, the job, the shadow, and the journal."""
    with context.runner.step("The evidence"):
        item = context.evidence.items()[-1]
        context.runner.show_record(f"item in the table {context.evidence.table}", item)
        key = topics.feedback_object(item["id"], held_out=item["held_out"])
        context.runner.show_record(f"object {key}", context.evidence.content(key))
        for job in context.evidence.job_executions():
            details = job.get("statusDetails", {}).get("detailsMap", {})
            context.runner.show_record(f"job {job['jobId']}", {"status": job["status"], **details})

        def settled() -> dict[str, Any] | None:
            reported = context.evidence.reported()
            return reported if reported["outbox_depth"] == 0 else None

        shadow = context.runner.until(
            "the shadow to report it", settled, WAIT_SECONDS, *context.logs
        )
        context.runner.show_record("shadow, reported", shadow)
        context.runner.show("", "the journal:")
        context.runner.run(*context.greenlight("history"))
