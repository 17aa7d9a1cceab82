"""`greenlight-cloud local tail` shows what the functions did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..lambdas.device import Device, feedback
from .tool import tool


def test_tail_shows_what_the_functions_did_in_words(
    local_cloud: Any, devices: Callable[[], Device]
) -> None:
    device = devices().connect()
    device.rate(feedback(device.thing))
    said = tool("tail", "--once", "--lines", "50", "--local", str(local_cloud.folder)).stdout
    assert f"batch acked thing={device.thing} stored=1" in said.replace("\n", " ")
    assert "_aws" not in said, "metrics are noise here"
