"""Debian's Chromium, headless, as tests use it."""

from __future__ import annotations

import base64
import contextlib
import tempfile
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

SCREENSHOTS = Path(__file__).parents[3] / "build" / "screenshots"
WAIT_SECONDS = 20
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars"),
)
DESKTOP, PHONE, SMALL_PHONE = (1300, 900), (390, 844), (360, 640)


class Browser(webdriver.Chrome):
    """A browser with a window of some size, in light or dark."""

    def dress(self, size: tuple[int, int], *, dark: bool) -> None:
        """Set a window size and a colour scheme."""
        width, height = size
        self.width = width
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1}
        self.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {**metrics, "mobile": width < 500}
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        calm = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme, calm]})

    @contextlib.contextmanager
    def without_javascript(self) -> Iterator[None]:
        """Turn JavaScript off for a while."""
        self.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        try:
            yield
        finally:
            self.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})

    def screenshot(self, name: str) -> Path:
        """Save a screenshot of the whole page."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        size = self.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": self.width, "height": size["height"], "scale": 1}
        taken = self.execute_cdp_cmd(
            "Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip}
        )
        path = SCREENSHOTS / f"{name}.png"
        path.write_bytes(base64.b64decode(taken["data"]))
        return path

    def printed(self, name: str) -> bytes:
        """Save and return the page as printed."""
        done = self.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
        content = base64.b64decode(done["data"])
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        (SCREENSHOTS / f"{name}.pdf").write_bytes(content)
        return content

    def find(self, selector: str) -> Any:
        """Return the first element of a CSS selector."""
        return self.find_element("css selector", selector)

    def text(self, selector: str) -> str:
        """Return the text of a CSS selector's first element, waiting for the page to load."""
        found: list[str] = self.wait(lambda: [self.find(selector).text])
        return found[0]

    def texts(self, selector: str) -> list[str]:
        """Return the texts of all elements of a CSS selector."""
        return [one.text for one in self.find_elements("css selector", selector)]

    def wait(self, true: Callable[[], object]) -> Any:
        """Wait until something is true, and return it."""
        # A live page may replace an element just found.
        ignored = (StaleElementReferenceException, NoSuchElementException)
        waiting = WebDriverWait(self, WAIT_SECONDS, 0.05, ignored)
        return waiting.until(lambda _: true())

    def is_live(self) -> bool:
        """Return whether the page is live."""
        return bool(self.find("html").get_attribute("data-live"))

    def wait_until_live(self) -> None:
        """Wait until the page is live."""
        self.wait(self.is_live)

    def sign_in(self, address: str, pin: str) -> None:
        """Sign in, unless already signed in."""
        self.get(address)
        if self.find_elements("css selector", "#pin[type=password]"):
            self.find("#pin[type=password]").send_keys(pin)
            self.find("button").click()
            self.wait(lambda: self.find_elements("css selector", "#standing"))

    def complaints(self) -> list[str]:
        """Return the browser's console messages, except those about refused commands."""
        said = [one["message"] for one in self.get_log("browser")]
        return [message for message in said if "responded with a status of 4" not in message]

    def axe(self) -> list[str]:
        """Return what axe-core finds wrong with the page, a line each."""
        source = resources.files("selenium_axe_python").joinpath("axe-core/axe.min.js")
        self.execute_script(source.read_text())
        found = self.execute_async_script(
            "const done = arguments[0]; axe.run({resultTypes: ['violations', 'incomplete']})"
            ".then(done, (error) => done({violations: [{id: String(error), nodes: []}]}));"
        )
        return [
            f"{one['id']} ({one.get('impact')}): {one.get('help')}: {node['html'][:200]}"
            for one in found["violations"]
            for node in (one["nodes"] or [{"html": ""}])
        ]

    def tree(self) -> list[dict[str, Any]]:
        """Return the accessibility tree as assistive technology gets it, ignored nodes left out."""
        self.execute_cdp_cmd("Accessibility.enable", {})
        nodes = self.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        return [
            {
                "role": node.get("role", {}).get("value", ""),
                "name": node.get("name", {}).get("value", ""),
                "description": node.get("description", {}).get("value", ""),
                "properties": {
                    one["name"]: one["value"].get("value") for one in node.get("properties", ())
                },
            }
            for node in nodes
            if not node["ignored"]
        ]


@contextlib.contextmanager
def open_browser(chromium: str) -> Iterator[Browser]:
    """Start a browser with a fresh profile; end it with the block."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        browser = Browser(options=options, service=Service("/usr/bin/chromedriver"))
        try:
            browser.dress(DESKTOP, dark=False)
            yield browser
        finally:
            browser.quit()
