"""The appliance with its page, idle."""

import tempfile
import time
from pathlib import Path

from data import signing
from tests.edge.page.open_pages import resident_mb
from tests.edge.page.running_appliance import RunningAppliance, Visitor

from .measure import Measure

SETTLE_SECONDS = 3.0


def measures(bundle):
    """Yield the resident memory of an appliance whose owner looked at every page once.

    It has been restarted since its model came, as an appliance in everyday life has.
    """
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        with RunningAppliance(state, signing.keys_folder()) as appliance:
            appliance.give_model(bundle)
            appliance.stop()
            appliance.start()
            appliance.command("press")
            owner = Visitor(appliance.port)
            owner.sign_in(appliance.pin)
            for path in ("/", "/slate", "/history", "/model", "/sync", "/directors?q=a"):
                owner.get(path)
            time.sleep(SETTLE_SECONDS)
            own, page = resident_mb(appliance)
            yield Measure(
                "idle_rss_mb",
                own,
                120,
                90,
                "resident memory of the appliance, idle, after a pick and a look at the page",
                lower=True,
                unit="MB",
            )
            yield Measure(
                "page_rss_mb",
                page,
                60,
                40,
                "resident memory of the page's process then",
                lower=True,
                unit="MB",
            )
