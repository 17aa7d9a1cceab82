"""The second act: the model arrives, the button is pressed, films are rated, the cloud verifies."""

from __future__ import annotations

import json
from typing import Any

from local_cloud.demo.cast import PATIENCE_SECONDS, THING, Cast
from local_cloud.demo.stage import StepFailed


def update(cast: Cast) -> None:
    """Publish the bundle; the job brings it to the appliance."""
    with cast.stage.step("The model is published; an IoT Job brings it to the appliance"):
        cast.stage.run(
            *("greenlight-cloud", "model", "publish", str(cast.bundle)),
            *("--local", str(cast.cloud_folder), "--thing", THING),
        )

        def active() -> str | None:
            model = cast.status().get("model") or {}
            return model.get("hash")

        logs = (cast.stage.log("greenlight"), *cast.logs)
        cast.stage.until("the model to answer", active, PATIENCE_SECONDS, *logs)
        cast.stage.until("the job to succeed", cast.job_succeeded, PATIENCE_SECONDS, *logs)
        cast.stage.run(*cast.greenlight("status"))


def press(cast: Cast) -> None:
    """Press, look, hold, rate: once by the owner, once simulated."""
    with cast.stage.step("The button is pressed: 36 candidates, scored in one call"):
        cast.stage.run(*cast.greenlight("press"))
    with cast.stage.step("The button is held for 3 s: approved; the owner rates the film"):
        cast.stage.run(*cast.greenlight("hold", "3"))
        cast.stage.run(*cast.greenlight("rate", "8"))
        seen = cast.stage.said("greenlight", "led:")
        cast.stage.show("the LED so far: " + " → ".join(dict.fromkeys(seen)))
    with cast.stage.step("Once more, with a rating drawn from the prediction"):
        cast.stage.run(*cast.greenlight("press"), quiet=True)
        cast.stage.run(*cast.greenlight("hold", "3"))
        cast.stage.run(*cast.greenlight("rate", "--simulated"))


def feedback(cast: Cast) -> None:
    """Journal, outbox, topic, function, both stores, ack; and a verification."""
    with cast.stage.step("Journal -> outbox -> filmupdate -> function -> both stores -> ack"):
        cast.arrives(2)
    with cast.stage.step("The cloud's scikit-learn pipeline scores the same picks"):
        agreed = cast.stage.until(
            "the cloud's scores", lambda: verified(cast), PATIENCE_SECONDS, *cast.logs
        )
        cast.stage.show(json.dumps(agreed))


def verified(cast: Cast) -> dict[str, Any] | None:
    """Return the last verification, once there is one.

    Raises:
        StepFailed: it is anything but agreed.
    """
    found: dict[str, Any] | None = cast.sync_status().get("verification")
    if found and found["outcome"] != "agreed":
        raise StepFailed(f"the verification {found['outcome']}: {found}")
    return found
