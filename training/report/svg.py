"""Converts matplotlib's SVG for a page without inline styles, and halves its size.

Styles become attributes, which the page's style sheet can override in dark mode; each letter's
shape is stored once per page; unused ids, and digits beyond a hundredth of a point, are removed.
The image looks the same.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

_XLINK = "{http://www.w3.org/1999/xlink}href"
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_FINE = re.compile(r"-?\d+\.\d{3,}")
_COORDINATES = ("d", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "points")
_LETTER = re.compile(r"DejaVu.*-[0-9a-f]+")


class Letters:
    """The shapes of letters in all drawings of a page, by name."""

    def __init__(self) -> None:
        self._shapes: dict[str, ET.Element] = {}

    def take(self, name: str, shape: ET.Element) -> None:
        """Add a letter's shape."""
        self._shapes.setdefault(name, shape)

    def svg(self) -> str:
        """Return an invisible SVG with all shapes."""
        root = ET.Element("svg", {"width": "0", "height": "0", "aria-hidden": "true"})
        root.set("class", "letters")
        ET.SubElement(root, "defs").extend(self._shapes.values())
        return ET.tostring(root, encoding="unicode")


def slim(text: str, letters: Letters) -> str:
    """Return an SVG without inline style; its letters are moved to `letters`."""
    root = ET.fromstring(text)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.text = element.tail = None
        _style_to_attributes(element)
        if _XLINK in element.attrib:
            element.set("href", element.attrib.pop(_XLINK))
    _drop(root, "metadata")
    _drop(root, "style")
    _move_letters(root, letters)
    _drop_names(root)
    _drop_empty(root)
    for element in root.iter():
        for name in _COORDINATES:
            if name in element.attrib:
                element.set(name, _round(element.attrib[name]))
    # What matplotlib puts into the style element, inherited from here.
    root.set("stroke-linejoin", "round")
    root.set("stroke-linecap", "butt")
    root.set("role", "presentation")
    return ET.tostring(root, encoding="unicode")


def _style_to_attributes(element: ET.Element) -> None:
    for part in element.attrib.pop("style", "").split(";"):
        name, _, value = part.partition(":")
        if value:
            element.set(name.strip(), value.strip())


def _drop(root: ET.Element, tag: str) -> None:
    for parent in list(root.iter()):
        for child in parent.findall(tag):
            parent.remove(child)


def _move_letters(root: ET.Element, letters: Letters) -> None:
    for parent in list(root.iter("defs")):
        for child in list(parent):
            if _LETTER.fullmatch(child.get("id", "")):
                parent.remove(child)
                child.set("d", " ".join(child.get("d", "").split()))
                letters.take(child.get("id", ""), child)


def _drop_names(root: ET.Element) -> None:
    """Remove unused ids: several drawings of a page may have the same ones."""
    used = set()
    for element in root.iter():
        used.add(element.get("href", "").lstrip("#"))
        for value in element.attrib.values():
            used.update(_REFERENCE.findall(value))
    for element in root.iter():
        if element.get("id") not in used:
            element.attrib.pop("id", None)


def _drop_empty(root: ET.Element) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("g", "defs") and not len(child):
                parent.remove(child)


def _round(text: str) -> str:
    short = _FINE.sub(lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), text)
    return " ".join(short.split())
