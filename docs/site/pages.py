"""The repository's Markdown as the site's: other addresses, and the same text.

A link to a page leads to the page; a link to a file of the repository leads to a page that shows
the file, so nothing on the site needs a network. Lists are indented as Python-Markdown wants them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).parents[2]
# What a page shows in place; it's copied as it is.
PICTURES = {".png", ".svg", ".webp", ".gif", ".jpg"}
# How many lines of a file its page shows.
MOST_LINES = 400
RENAMED = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
LANGUAGES = {".py": "python", ".toml": "toml", ".yaml": "yaml", ".json": "json", ".sh": "sh"}

_LINK = re.compile(r"(\]\()([^)\s]+)(\))")
_HTML = re.compile(r'((?:src|srcset|href)=")([^"]+)(")')
_FENCE = re.compile(r"^\s*```")
_ITEM = re.compile(r"^( *)((?:[-*]|\d+\.) +)")


class Pages:
    """Writes the site's sources into a folder.

    Attributes:
        folder: of the site's Markdown.
        written: each file of the repository that has a page, with the page's place.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written: dict[str, Path] = {}

    def add(self, path: Path) -> None:
        """Write a page of the repository, and the files it links to."""
        place = self.folder / place_of(path)
        self.written[str(path)] = place
        text = (ROOT / path).read_text("utf-8")
        write_page(place, self.linked(indented(text), path, place))

    def linked(self, text: str, path: Path, place: Path) -> str:
        """Return a page's text with links that hold on the site."""

        def replaced(found: re.Match[str]) -> str:
            return found[1] + self._target(found[2], path, place) + found[3]

        parts = re.split(r"(^\s*```.*?^\s*```\s*?$)", text, flags=re.MULTILINE | re.DOTALL)
        # Every other part is a block of code.
        parts[::2] = [_HTML.sub(replaced, _LINK.sub(replaced, part)) for part in parts[::2]]
        return "".join(parts)

    def _target(self, link: str, path: Path, place: Path) -> str:
        if re.match(r"[a-z]+:", link) or link.startswith("#"):
            return link
        asked, sharp, anchor = unquote(link).partition("#")
        target = Path(os.path.normpath(path.parent / asked))
        if (ROOT / target).is_dir():
            target = target / "README.md" if (ROOT / target / "README.md").is_file() else target
        if target.suffix == ".md":
            there = self.folder / place_of(target)
        elif target.suffix in PICTURES:
            there = self._copied(target)
        else:
            there = self._shown(target)
        return os.path.relpath(there, place.parent) + sharp + anchor

    def _copied(self, path: Path) -> Path:
        there = self.folder / place_of(path)
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, there)
        return there

    def _shown(self, path: Path) -> Path:
        """Write the page that shows a file, or that lists a folder, unless it's there."""
        there = self.folder / "source" / f"{path}.md"
        if str(path) not in self.written:
            self.written[str(path)] = there
            if (ROOT / path).is_dir():
                text = self._listed(path, there)
            elif path.suffix == ".ipynb":
                text = self.linked(notebook(ROOT / path), path, there)
            else:
                text = shown(path)
            write_page(there, f"# {path}\n\n{text}")
        return there

    def _listed(self, folder: Path, place: Path) -> str:
        files = sorted(one for one in (ROOT / folder).iterdir() if one.is_file())
        names = [one.relative_to(ROOT) for one in files]
        links = [os.path.relpath(self._shown(name), place.parent) for name in names]
        return "\n".join(f"- [{n.name}]({to})" for n, to in zip(names, links, strict=True)) + "\n"


def place_of(path: Path) -> Path:
    """Return where a file of the repository is on the site."""
    if str(path) in RENAMED:
        return Path(RENAMED[str(path)])
    # Zensical leaves a README out of the navigation, and says nothing.
    named = path.with_name("index.md") if path.name == "README.md" else path
    return named.relative_to("docs") if named.parts[0] == "docs" else named


def shown(path: Path) -> str:
    """Return a file as a block of code; of a long one, its first lines."""
    lines = (ROOT / path).read_text("utf-8").splitlines()
    kept = "\n".join(lines[:MOST_LINES])
    rest = len(lines) - MOST_LINES
    more = f"\n\n{rest:,} more lines are in the repository.\n" if rest > 0 else "\n"
    return f"````{LANGUAGES.get(path.suffix, 'text')}\n{kept}\n````{more}"


def notebook(path: Path) -> str:
    """Return a notebook's text and code as Markdown; what it prints is left to running it."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    texts = [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    blocks = [f"```python\n{text}\n```" if kind == "code" else text for kind, text in texts]
    return re.sub(r"\A# .+\n", "", "\n\n".join(blocks)) + "\n"


def indented(text: str) -> str:
    """Return Markdown whose lists Python-Markdown reads as GitHub does.

    It wants four columns for what belongs to an item, and an empty line before a list.
    """
    lines: list[str] = []
    # Of each open list: the column of its content in the repository, and here.
    open_lists: list[tuple[int, int]] = []
    in_code = False
    for line in text.splitlines():
        found = None if in_code else _ITEM.match(line)
        column = len(line) - len(line.lstrip())
        in_list = bool(open_lists)
        while line.strip() and not in_code and open_lists and column < open_lists[-1][0]:
            open_lists.pop()
        before, here = open_lists[-1] if open_lists else (0, 0)
        if found and not in_list and lines and lines[-1].strip():
            lines.append("")
        lines.append(" " * here + line[min(before, column) :] if line.strip() else "")
        if found:
            open_lists.append((len(found[0]), here + 4))
        if _FENCE.match(line):
            in_code = not in_code
    return "\n".join(lines) + "\n"


def write_page(place: Path, text: str) -> None:
    """Write a page, and the folders above it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, "utf-8")
