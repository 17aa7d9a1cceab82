"""The third act: the network is cut and restored, and nothing is lost."""

from __future__ import annotations

from local_cloud.demo.cast import PATIENCE_SECONDS, Cast
from local_cloud.demo.stage import StepFailed


def outage(cast: Cast) -> None:
    """Cut the network, rate two more films, restore it."""
    with cast.stage.step("The network is cut; two more films are made and rated offline"):
        cast.stage.run(*cast.cloud("offline"))
        cast.stage.until(
            "sync to notice",
            lambda: None if cast.connection() == "online" else True,
            PATIENCE_SECONDS,
            *cast.logs,
        )
        for stars in ("9", "4"):
            cast.stage.run(*cast.greenlight("press"), quiet=True)
            cast.stage.run(*cast.greenlight("approve"))
            cast.stage.run(*cast.greenlight("rate", stars))
        waiting = cast.sync_status()["outbox"]["waiting"]
        if waiting != 2:
            raise StepFailed(f"2 ratings should wait in the outbox; {waiting} do")
        cast.stage.show(f"{waiting} ratings wait in the journal")
    with cast.stage.step("The network is back: everything arrives, exactly once"):
        cast.stage.run(*cast.cloud("online"))
        cast.arrives(4)
