"""Writes the documentation site's sources: the repository's Markdown, and the generated reference.

usage: .venv/bin/python docs/site/build.py FOLDER      `make docs` does it, and builds the site
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import reference
from pages import ROOT, Pages, write_page

HERE = Path(__file__).parent


def repository_pages() -> list[Path]:
    """Return the repository's pages that the site shows."""
    patterns = ("*.md", "docs/**/*.md", "examples/**/*.md")
    return sorted(page.relative_to(ROOT) for pattern in patterns for page in ROOT.glob(pattern))


def version() -> str:
    """Return a sentence on the version that the site is about."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    # An unpacked archive has no commit, and git may not be installed.
    git = shutil.which("git")
    command = [git or "git", "describe", "--always", "--dirty"]
    described = (
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout if git else ""
    )
    commit = f", commit {described.strip()}" if described else ""
    return (
        f"This site is about version {project['version']}{commit}. "
        "For another version, check it out and run make docs."
    )


def write(folder: Path) -> None:
    """Write all of the site's sources."""
    shutil.rmtree(folder, ignore_errors=True)
    pages = Pages(folder / "pages")
    for path in repository_pages():
        pages.add(path)
    for name, text in reference.pages().items():
        write_page(folder / "pages/reference" / name, text)
    shutil.copytree(HERE / "extra", folder / "pages/extra")
    config = (HERE / "mkdocs.yml").read_text("utf-8")
    named = config.replace("copyright: ", f"copyright: {version()} ", 1)
    (folder / "mkdocs.yml").write_text(named, "utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    write(Path(sys.argv[1]))
