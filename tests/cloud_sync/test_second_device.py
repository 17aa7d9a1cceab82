"""A device with a name of its owner's choice, from the real command to the real local cloud."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rig.pi import Pi
from rig.records import feedback

from edge import config as appliance_config


def test_a_second_device_delivers_also_what_it_rated_before_it_was_connected(
    local_cloud: Any, tmp_path: Path, owner_step: Callable[[Path, str], Any]
) -> None:
    """From provisioning to the bucket, under a name of its owner's choice."""
    pi = Pi(local_cloud, "Kitchen", tmp_path)
    etc = tmp_path / "etc"
    etc.mkdir()
    nameless = appliance_config.Config().thing
    before = feedback(1, thing=nameless)
    pi.journal.record_rating(before)
    connected = owner_step(etc, f"connect_to_cloud {pi.config.parent}")
    assert connected.returncode == 0, connected.stderr
    pi.config = etc / "sync" / pi.config.name
    after = feedback(2, thing=appliance_config.read(etc / "greenlight.toml").thing)
    pi.journal.record_rating(after)
    # Set aside by an earlier version, by mistake.
    refused = feedback(3, thing=nameless)
    pi.journal.record_rating(refused)
    assert pi.journal.quarantine(refused.id, f"`thing` is {nameless!r}")
    done = pi.once()
    assert done.returncode == 0, done.stderr
    assert [pi.stored(one) for one in (before, after, refused)] == [True, True, False]
    again = subprocess.run(pi.command("retry"), capture_output=True, text=True, check=True)
    assert again.stdout == "1 rating will be sent again\n"
    assert pi.once().returncode == 0
    assert [pi.kept(one) for one in (before, after, refused)] == ["Kitchen"] * 3
    assert nameless != "Kitchen"
    assert (pi.journal.outbox_depth(), pi.journal.quarantined()) == ((0, None), [])
    pi.journal.close()
