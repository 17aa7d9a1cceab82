"""The moving picture in README.md: a button, its light and the page, as they go together.

The appliance is a real one, the page what a browser shows of it, and the light blinks what the
appliance said it shows, with the lengths that a real LED gets. Only the device is drawn.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from edge.panel.led import STEPS, Pattern

from .browser import Browser
from .running_appliance import RunningAppliance

PAGE, SHOWN, STAGE = (1040, 820), (660, 520), (1000, 560)


@dataclass(frozen=True)
class Scene:
    """What the picture shows for some time.

    Attributes:
        caption: what happens.
        page: a screenshot, as PNG.
        light: what the LED shows.
        seconds: how long.
        down: the button is down.
    """

    caption: str
    page: bytes
    light: Pattern
    seconds: float
    down: bool = False


def played(appliance: RunningAppliance, browser: Browser) -> list[Scene]:
    """Press, approve and rate on a running appliance that has a model; return the scenes."""

    def page(holds: str) -> bytes:
        browser.dress(PAGE, dark=False)
        browser.get(appliance.address)
        browser.wait(lambda: holds in browser.text("main"))
        return taken(browser)

    def light() -> Pattern:
        said = [line for line in appliance.lines if line.startswith("led: ")]
        return Pattern(re.sub(r" \d+$", "", said[-1].removeprefix("led: ")))

    empty, ready = page("Press"), light()
    since = len(appliance.lines)
    appliance.command("press")
    pulses = Pattern(appliance.wait_for(r"led: (fast pulse)", since).group(1))
    waits = Pattern(appliance.wait_for(r"led: (two blinks)$", since).group(1))
    pick, since = page("Why this film"), len(appliance.lines)
    appliance.command("hold", "2.5")
    held = Pattern(appliance.wait_for(r"led: (held: 2)", since).group(1))
    appliance.wait_for(r"led: solid", since)
    approved, solid = page("Approved."), light()
    appliance.command("rate", "8")
    rated = page("It was rated")
    return [
        Scene("Ready: the light is solid", empty, ready, 1.2),
        Scene("Press", empty, Pattern.COUNT_1, 0.3, down=True),
        Scene("It searches", empty, pulses, 0.8),
        Scene("The best of its slate", pick, waits, 4.5),
        Scene("Hold to have it made", pick, held, 1.6, down=True),
        Scene("Approved", approved, solid, 1.8),
        Scene("Rate it: the next model learns", rated, solid, 2.5),
    ]


def taken(browser: Browser) -> bytes:
    """Return a screenshot of the window."""
    return base64.b64decode(browser.execute_cdp_cmd("Page.captureScreenshot", {})["data"])


def brightnesses(scene: Scene) -> Iterator[tuple[float, float]]:
    """Yield the light's brightnesses during a scene, each with its seconds."""
    left = scene.seconds
    while left > 0:
        for brightness, seconds in STEPS[scene.light]:
            if left > 0:
                yield brightness, min(seconds, left)
                left = round(left - seconds, 3)


def frame(browser: Browser, scene: Scene, brightness: float) -> Image.Image:
    """Return a scene with the light at some brightness."""
    browser.dress(STAGE, dark=False)
    browser.get("data:text/html;base64," + base64.b64encode(stage(scene, brightness)).decode())
    browser.wait(lambda: browser.execute_script("return document.images[0].complete"))
    with Image.open(io.BytesIO(taken(browser))) as image:
        return image.convert("RGB")


def write(browser: Browser, scenes: list[Scene], place: Path) -> None:
    """Write the moving picture."""
    frames, milliseconds = [], []
    for scene in scenes:
        known: dict[float, Image.Image] = {}
        for brightness, seconds in brightnesses(scene):
            if brightness not in known:
                known[brightness] = frame(browser, scene, brightness)
            frames.append(known[brightness])
            milliseconds.append(round(seconds * 1000))
    first, *others = frames
    first.save(
        place, save_all=True, append_images=others, duration=milliseconds, loop=0, lossless=True
    )


def stage(scene: Scene, brightness: float) -> bytes:
    """Return the device and the page beside it, as HTML."""
    page = base64.b64encode(scene.page).decode()
    glow = f"rgba(61, 220, 132, {0.75 * brightness:.3f})"
    return f"""<!doctype html><meta charset="utf-8"><style>
* {{ box-sizing: border-box; margin: 0; }}
body {{ width: 1000px; height: 560px; background: #0d1a14; color: #eef2ee; display: flex;
  font: 17px "DejaVu Sans", sans-serif; align-items: center; gap: 30px; padding: 20px; }}
.device {{ width: 270px; text-align: center; }}
.box {{ height: 330px; border-radius: 26px; background: linear-gradient(#23302a, #17211c);
  border: 1px solid #35463d; display: grid; place-items: center; align-content: space-evenly;
  box-shadow: 0 18px 40px #0008, inset 0 1px #ffffff14; }}
.light {{ width: 30px; height: 30px; border-radius: 50%; border: 2px solid #0a120e;
  background: color-mix(in srgb, #5dffa5 {100 * brightness:.0f}%, #14301f);
  box-shadow: 0 0 18px {glow}, 0 0 60px {glow}; }}
.ring {{ width: 132px; height: 132px; border-radius: 50%; background: #0a120e; display: grid;
  place-items: center; box-shadow: inset 0 3px 8px #000, 0 1px #ffffff14; }}
.button {{ width: 104px; height: 104px; border-radius: 50%; background: radial-gradient(circle at
  50% 35%, #f4f2ea, #c9c6ba); box-shadow: 0 {3 if scene.down else 9}px 0 #8d8a7f, 0 14px 18px #000a;
  transform: translateY({6 if scene.down else 0}px) scale({0.97 if scene.down else 1}); }}
p {{ margin-top: 26px; min-height: 3em; line-height: 1.4; font-weight: 600; }}
img {{ width: {SHOWN[0]}px; height: {SHOWN[1]}px; border-radius: 14px; display: block;
  box-shadow: 0 18px 40px #0008; }}
</style><div class="device"><div class="box"><div class="light"></div><div class="ring">
<div class="button"></div></div></div><p>{scene.caption}</p></div>
<img src="data:image/png;base64,{page}">""".encode()
