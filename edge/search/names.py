"""Finds the director or genre that somebody meant, however it was typed. Quick to import."""

from __future__ import annotations

import difflib
import string
import unicodedata
from collections.abc import Collection

_PLAIN = str.maketrans(string.punctuation, " " * len(string.punctuation), "'")


def fold(text: str) -> str:
    """Return text without case, accents and punctuation, as people type names."""
    if not text.isascii():
        text = "".join(
            letter if letter.isalnum() or letter.isascii() else " "
            for letter in unicodedata.normalize("NFKD", text)
            if not unicodedata.combining(letter) and letter != "\u2019"
        )
    return text.translate(_PLAIN).casefold()


def known_as(name: str, known: Collection[str]) -> str:
    """Return the known name that was meant, or the name as it is.

    One that is spelt the same comes first; else the only one that differs just in case, accents
    and punctuation.
    """
    if name in known:
        return name
    folded = fold(name)
    same = [one for one in known if fold(one) == folded]
    return same[0] if len(same) == 1 else name


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return `did you mean 'Drama'?` for a name that isn't known; empty if none is near."""
    by_folded = {fold(one): one for one in known}
    near = difflib.get_close_matches(fold(name), by_folded, 1)
    return f"did you mean {by_folded[near[0]]!r}?" if near else ""
