"""The cloud's two stores, as the ingest function's core sees them: a folder, and a table."""

from __future__ import annotations

from pathlib import Path

from lambdas.store_feedback.ingest import Item, StoredItem


class Bucket:
    """The data bucket: objects as files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put_new(self, key: str, content: bytes) -> None:
        """Put an object, or leave the one that is there."""
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_bytes(content)


class Items:
    """The film table: which feedback came, and with which content."""

    def __init__(self) -> None:
        self._items: dict[str, StoredItem] = {}

    def put_new(self, item: Item) -> StoredItem | None:
        """Put an item, or return what is known of the one that is there."""
        key = str(item["pk"])
        known = self._items.get(key)
        self._items.setdefault(key, StoredItem.of(item))
        return known
