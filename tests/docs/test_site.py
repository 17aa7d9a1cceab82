"""The documentation site: it shows every page, asks no other machine for anything, and is searched.

`make docs` sets up what builds it; without that, only what writes its sources is tested.
"""

from __future__ import annotations

import importlib
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from selenium.webdriver.common.action_chains import ActionChains

from cloud_sync.config import SyncConfig
from edge.config import Config

from ..conftest import missing
from ..edge.page.browser import PHONE, Browser, open_browser
from ..test_readme import PROGRAMS

ROOT = Path(__file__).parents[2]
ZENSICAL = ROOT / "build/docs-venv/bin/zensical"


@pytest.fixture(scope="module")
def site() -> Iterator[Callable[[str], ModuleType]]:
    """A way to the modules of docs/site, which isn't a package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "docs/site"))
        yield importlib.import_module


@pytest.fixture(scope="module")
def sources(site, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "sources"
    site("build").write(folder)
    return folder


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    if not ZENSICAL.exists():
        missing("nothing here builds the site: run `make docs`")
    command = [ZENSICAL, "build", "--strict", "--clean"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def built(sources) -> Path:
    done = build(sources)
    assert done.returncode == 0, done.stdout + done.stderr
    return sources / "site"


def written(sources: Path) -> list[Path]:
    folder = sources / "pages"
    return sorted(page.relative_to(folder) for page in folder.rglob("*.md"))


# ---- its sources


def test_every_page_of_docs_is_in_the_navigation(sources):
    named = re.findall(r"[\w/-]+\.md", (sources / "mkdocs.yml").read_text("utf-8"))
    pages = {str(page) for page in written(sources) if page.parts[0] not in ("source", "decisions")}
    assert pages - set(named) == set()


@pytest.mark.parametrize(
    ("github", "python_markdown"),
    [
        ("Before:\n- one\n- two", "Before:\n\n- one\n- two"),
        (
            "1. one\n\n   ```sh\n   make\n   ```\n2. two",
            "1. one\n\n    ```sh\n    make\n    ```\n2. two",
        ),
        ("- one\n  - below\n    more\n- two", "- one\n    - below\n        more\n- two"),
        ("- one\n\nAfter.", "- one\n\nAfter."),
        ("```\n- code\n   kept\n```", "```\n- code\n   kept\n```"),
    ],
)
def test_lists_are_indented_as_the_builder_wants_them(site, github, python_markdown):
    assert site("pages").indented(github) == python_markdown + "\n"


def test_every_command_and_option_is_in_the_reference(site, sources):
    reference = site("reference")
    assert reference.PROGRAMS.keys() == PROGRAMS.keys()
    page = (sources / "pages/reference/commands.md").read_text("utf-8")
    for program, (place, _) in reference.PROGRAMS.items():
        for command, context in reference.leaves(reference.command_of(place), program):
            begin = page.index(f"\n### {context.command_path}\n")
            section = page[begin : page.find("\n##", begin + 5)]
            shown = [one for one in command.params if not getattr(one, "hidden", False)]
            named = {option for one in shown for option in one.opts if option[0] == "-"}
            assert named - {"--help"} - set(re.findall(r"--?[\w-]+", section)) == set()


def test_every_setting_is_in_the_reference(sources):
    page = (sources / "pages/reference/settings.md").read_text("utf-8")
    named = set(re.findall(r"^`(\w+) = ", page, re.MULTILINE))
    assert {*Config.__dataclass_fields__, *SyncConfig.__dataclass_fields__} - named == set()


def test_a_record_is_shown_by_its_newest_example(sources):
    records = (sources / "pages/reference/records.md").read_text("utf-8")
    assert "feedback_batch.v2.json" in records
    assert "feedback_batch.v1.json" not in records


def test_what_looks_like_html_is_shown_as_it_was_written(site):
    assert site("reference").plain("<name> and `<name>`") == "&lt;name> and `<name>`"


# ---- built


def test_every_page_is_built(sources, built):
    pages = written(sources)
    assert [page for page in pages if not (built / page).with_suffix(".html").is_file()] == []


def test_every_page_of_the_navigation_is_in_the_built_one(sources, built):
    named = re.findall(r"([\w/-]+)\.md", (sources / "mkdocs.yml").read_text("utf-8"))
    menu = (built / "index.html").read_text("utf-8").partition("md-nav--primary")[2]
    links = set(re.findall(r'href="(?:\./)?([\w/-]+)\.html"', menu.partition("<article")[0]))
    assert {*named} - links == set()


def test_nothing_is_fetched_from_another_machine(built):
    fetched = re.compile(r'(?:src|srcset)="?(?:https?:)?//|<link[^>]+href="?(?:https?:)?//')
    assert [page.name for page in built.rglob("*.html") if fetched.search(page.read_text())] == []
    styles = [style for style in built.rglob("*.css") if "url(http" in style.read_text("utf-8")]
    assert styles == []


def test_the_site_says_which_version_it_is_about(built):
    assert re.search(r"about version \d+\.\d+\.\d+", (built / "index.html").read_text("utf-8"))


def test_a_link_to_no_page_or_no_heading_is_refused(sources, tmp_path):
    config, _, _ = (sources / "mkdocs.yml").read_text("utf-8").partition("\nnav:")
    (tmp_path / "mkdocs.yml").write_text(config, "utf-8")
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages/index.md").write_text("# Greenlight\n\n## Its light\n")
    codes = {}
    for link in ("index.md#its-light", "index.md#its-button", "nothing.md"):
        (tmp_path / "pages/other.md").write_text(f"# Other\n\n[link]({link})\n")
        codes[link] = build(tmp_path).returncode
    assert [link for link, code in codes.items() if code == 0] == ["index.md#its-light"]


@pytest.fixture
def browser(chromium_path) -> Iterator[Browser]:
    with open_browser(chromium_path) as browser:
        yield browser


@pytest.mark.chromium
def test_the_site_is_searched_without_a_server(built, browser):
    browser.get((built / "index.html").as_uri())
    browser.wait(lambda: browser.find_elements("css selector", ".md-search__button"))
    ActionChains(browser).send_keys("/").perform()
    # The search is in an element that keeps its own document.
    search = "const at = document.activeElement.shadowRoot; return at && at.textContent"
    browser.wait(lambda: browser.execute_script(search) is not None)
    ActionChains(browser).send_keys("verified_share").perform()
    browser.wait(lambda: "ReferenceSettings" in browser.execute_script(search))
    assert browser.complaints() == []


@pytest.mark.chromium
@pytest.mark.parametrize("page", ["index", "architecture", "states", "reference/commands"])
def test_no_page_scrolls_sideways_on_a_phone(built, browser, page):
    browser.dress(PHONE, dark=True)
    browser.get((built / f"{page}.html").as_uri())
    browser.wait(lambda: browser.find_elements("css selector", "h1"))
    assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
