"""docs/extending.md: the source that it shows is one."""

import re
import textwrap
from pathlib import Path

import pytest

from data.film_table import BadRow
from data.films import Film
from training import sources

PAGE = (Path(__file__).parents[3] / "docs/extending.md").read_text("utf-8")


@pytest.fixture
def lines(monkeypatch):
    """The page's source, registered as the page says."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (registered,) = re.findall(r'`"lines": (Reader\(.+?\))`', PAGE)
    module: dict[str, object] = {}
    exec(textwrap.dedent(code), module)
    reader = eval(registered.replace("lines.", ""), {**vars(sources), **module})
    monkeypatch.setitem(sources.READERS, "lines", reader)


@pytest.mark.usefixtures("lines")
def test_the_pages_source_yields_films_and_says_what_is_wrong_with_a_row(tmp_path):
    table = tmp_path / "films.txt"
    table.write_text(
        "Cléo;1962;Agnès Varda;Drama, Comedy;8\nNo year;soon;Me;Drama;7\nLate;1990;Me;Drama;11\n",
        "utf-8",
    )
    first, *others = sources.read("lines", table)
    assert first == Film("Cléo", 1962, "Agnès Varda", ("Comedy", "Drama"), "film", 8)
    assert [type(one) for one in others] == [BadRow, BadRow]
    assert [one.line for one in others] == [2, 3]
    assert "stars" in others[1].reason
