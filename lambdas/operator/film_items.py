"""Films as items of the film table, with the original's attribute names. Pure: no AWS here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from data import topics
from data.errors import InvalidRecord
from data.film_table import BadRow
from data.films import Film, genre_slots

# DynamoDB's limit for a partition key.
_MAX_KEY_BYTES = 2_048
_ITEMS_A_PART = 5_000

Attribute = dict[str, str]
Item = dict[str, Attribute]


def item_of(film: Film) -> Item:
    """Return a film as a DynamoDB item.

    Raises:
        InvalidRecord: its key would be longer than DynamoDB allows.
    """
    key = topics.film_key(film.title, film.year, film.director)
    size = len(key.encode())
    if size > _MAX_KEY_BYTES:
        raise InvalidRecord(
            "title", f"and `Director1` make a key of {size} bytes; DynamoDB allows {_MAX_KEY_BYTES}"
        )
    first, second, third = genre_slots(film.genres)
    item: Item = {
        "pk": {"S": key},
        "title": {"S": film.title},
        "Director1": {"S": film.director},
        "Genre1": {"S": first},
        "Genre2": {"S": second},
        "Genre3": {"S": third},
        "stars": {"N": str(film.stars)},
        "year": {"N": str(film.year)},
    }
    if film.rating is not None:
        item["rating"] = {"N": repr(film.rating)}
    if film.votes is not None:
        item["votes"] = {"N": str(film.votes)}
    return item


@dataclass(frozen=True)
class Items:
    """A film table as items.

    Attributes:
        items: one per key, in the table's order.
        repeats: how many films were left out because an earlier one has the same key.
    """

    items: tuple[Item, ...]
    repeats: int

    @property
    def sha256(self) -> str:
        """The items' SHA-256: the same films give the same hash, whatever file they came from."""
        digest = hashlib.sha256()
        for part in self.parts():
            digest.update(part)
        return digest.hexdigest()

    def parts(self) -> Iterator[bytes]:
        """Yield the objects that DynamoDB imports: one item per line."""
        for first in range(0, len(self.items), _ITEMS_A_PART):
            chunk = self.items[first : first + _ITEMS_A_PART]
            yield b"".join(msgspec.json.encode({"Item": item}) + b"\n" for item in chunk)


def items_of(rows: Iterable[Film | BadRow]) -> Items:
    """Return the items of a film table's rows.

    Raises:
        InvalidRecord: a row isn't a film; then nothing is imported.
    """
    kept: dict[str, Item] = {}
    repeats = 0
    for row in rows:
        if isinstance(row, BadRow):
            raise InvalidRecord(
                f"line {row.line}",
                f"can't be used: {row.reason}; "
                "`greenlight-train dataset --source csv` writes a clean table",
            )
        item = item_of(row)
        key = item["pk"]["S"]
        repeats += key in kept
        kept.setdefault(key, item)
    if not kept:
        raise InvalidRecord("the table", "holds no rows to learn from")
    return Items(tuple(kept.values()), repeats)
