"""The first act: films, a model, a cloud, and an appliance that boots without a model."""

from __future__ import annotations

from contextlib import ExitStack

from local_cloud.demo.cast import PATIENCE_SECONDS, THING, Cast


def films(cast: Cast) -> None:
    """Build the film table."""
    with cast.stage.step("The film table, from the sample"):
        cast.stage.run(
            "greenlight-train", "dataset", "--source", "sample", "--out", str(cast.films)
        )


def model(cast: Cast) -> None:
    """Train, convert, check and sign."""
    with cast.stage.step("A model: trained, converted to ONNX, checked on every row, signed"):
        cast.stage.run(
            "greenlight-train", "export", "--source", "sample", "--out", str(cast.bundle)
        )
        cast.stage.run("greenlight-train", "verify", str(cast.bundle))


def cloud(cast: Cast, ending: ExitStack) -> None:
    """Start the local cloud, and make a thing."""
    with cast.stage.step("The cloud on this desk, and a thing with its certificate"):
        ending.callback(cast.stop_cloud)
        cast.stage.run(*cast.cloud("start"))
        cast.stage.run(
            *("greenlight-cloud", "device", "provision", THING),
            *("--out", str(cast.thing_folder), "--local", str(cast.cloud_folder)),
        )


def boot(cast: Cast, ending: ExitStack) -> None:
    """Start the appliance on mock pins, and the sync service."""
    with cast.stage.step("The appliance boots on simulated pins, without a model; sync beside it"):
        cast.config.write_text(
            f'thing = "{THING}"\n'
            f'state = "{cast.device.name}"\n'
            f'public_keys = "{cast.thing_folder.name}/public-keys"\n'
            "demonstration = true\n"
            "page = false\n"
        )
        appliance = ending.enter_context(
            cast.stage.beside("greenlight", *cast.greenlight("run", "--simulate"))
        )

        def answers() -> bool | None:
            cast.stage.alive("greenlight", appliance)
            return True if (cast.device / "control.sock").exists() else None

        cast.stage.until(
            "the appliance to answer", answers, PATIENCE_SECONDS, cast.stage.log("greenlight")
        )
        sync = ending.enter_context(
            cast.stage.beside(
                *("greenlight-sync", "greenlight-sync", "run"),
                *(
                    "--config",
                    str(cast.thing_folder / "sync.toml"),
                    "--state",
                    str(cast.device),
                ),
            )
        )

        def online() -> bool | None:
            cast.stage.alive("greenlight-sync", sync)
            return True if cast.connection() == "online" else None

        cast.stage.until(
            "sync to come online over mutual TLS", online, PATIENCE_SECONDS, *cast.logs
        )
        cast.stage.run(*cast.greenlight("status"))
