"""Text from elsewhere, made harmless before a terminal, a page or a log shows it.

Control characters move a terminal's cursor and forge lines of a log; characters that turn the
direction of text or take no space let a name look like another (Unicode Technical Report 36).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

# Direction marks, embeddings, overrides and isolates; zero-width spaces and joiners; the separators
# of lines and paragraphs; annotations; the byte order mark.
_INVISIBLE = "\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
_INVISIBLES = re.compile(f"[{_INVISIBLE}]")
_UNSAFE = re.compile(f"[\x00-\x1f\x7f-\x9f\ud800-\udfff{_INVISIBLE}]")


def visible(text: str) -> str:
    """Return `text` without the characters that only change how others look."""
    return _INVISIBLES.sub("", text)


def plain(text: str) -> str:
    """Return `text` with a replacement character for each that isn't safe to show."""
    return _UNSAFE.sub("\ufffd", text)


def is_plain(text: str) -> bool:
    """Return whether all of `text` is safe to show."""
    return _UNSAFE.search(text) is None


def texts(value: object) -> Iterator[str]:
    """Yield every text in a JSON-like value, keys as well."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from texts(name)
            yield from texts(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from texts(inner)
