"""Templates: a missing value is an error, and a changed file gets a new address."""

import jinja2
import pytest

from edge.page import rendering
from edge.page.app import ROUTES


@pytest.fixture
def templates():
    return rendering.Context(None, None, None, rendering.PageSettings())._templates


def test_a_value_that_is_missing_is_an_error_and_not_an_empty_place(templates):
    with pytest.raises(jinja2.UndefinedError):
        templates.from_string("{{ picks }}").render({})


def test_text_is_escaped_wherever_it_stands(templates):
    text = templates.from_string("<p title='{{ x }}'>{{ x }}").render({"x": "<b>\"&'"})
    assert text == "<p title='&lt;b&gt;&#34;&amp;&#39;'>&lt;b&gt;&#34;&amp;&#39;"


def test_a_changed_file_gets_a_new_address(tmp_path, monkeypatch):
    monkeypatch.setattr(rendering, "STATIC", tmp_path)
    addresses = []
    for content in (b"a", b"b", b"a"):
        monkeypatch.setattr(rendering, "_hashes", {})
        (tmp_path / "x.css").write_bytes(content)
        addresses.append(rendering.asset("x.css"))
    assert addresses[0] == addresses[2] != addresses[1]


def test_every_page_has_a_template_and_a_route():
    paths = {route.path for route in ROUTES}
    for template, path in rendering.PATHS.items():
        assert (rendering.HERE / "templates" / template).is_file()
        assert path in paths
