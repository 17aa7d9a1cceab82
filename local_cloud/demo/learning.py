"""The last act: a fifth rating, and a retraining is asked for, judged, and released or refused."""

from __future__ import annotations

from local_cloud.demo.cast import PATIENCE_SECONDS, Cast


def learning(cast: Cast) -> None:
    """Rate once more, and ask for a new model."""
    stage = cast.stage
    with stage.step("A fifth film, a fifth rating"):
        stage.run(*cast.greenlight("press"), quiet=True)
        stage.run(*cast.greenlight("approve"))
        stage.run(*cast.greenlight("rate", "7"))
        cast.arrives(5)
    with stage.step("A retraining: better than the model in use, or it is not released"):
        before = cast.status()["model"]
        said = stage.run(
            *("greenlight-cloud", "model", "retrain", "--films", str(cast.films), "--wait"),
            *("--local", str(cast.cloud_folder)),
        )
        if "\nreleased version" in said:
            stage.until(
                "the new model to answer",
                lambda: None if cast.status()["model"] == before else True,
                PATIENCE_SECONDS,
                *cast.logs,
            )
            stage.run(*cast.greenlight("status"))
        else:
            stage.show(f"version {before['version']} goes on: a refusal changes nothing")
