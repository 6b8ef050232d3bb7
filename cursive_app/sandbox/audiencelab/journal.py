"""What the sandbox provider was told to keep (audiences, jobs, pixels), so that it survives a restart.

One JSON line per change in one file, replayed at the start. A line cut off by a kill is skipped: that change was never
answered for.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

Item = dict[str, Any]


class Journal:
    """Named collections of items by id, in order of creation. Thread-safe. Without a path nothing is written."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._items: dict[str, dict[str, Item]] = {}
        self._path = path
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._replay(path)

    def put(self, collection: str, item: Item) -> None:
        """Add or replace an item by its "id"."""
        with self._lock:
            self._items.setdefault(collection, {})[item["id"]] = item
            self._write({"put": collection, "item": item})

    def get(self, collection: str, item_id: str) -> Item | None:
        with self._lock:
            return self._items.get(collection, {}).get(item_id)

    def remove(self, collection: str, item_id: str) -> bool:
        """Whether there was such an item."""
        with self._lock:
            gone = self._items.get(collection, {}).pop(item_id, None) is not None
            if gone:
                self._write({"remove": collection, "id": item_id})
            return gone

    def all(self, collection: str) -> list[Item]:
        """Newest first."""
        with self._lock:
            return list(self._items.get(collection, {}).values())[::-1]

    def clear(self) -> None:
        with self._lock:
            self._items.clear()
            if self._path is not None:
                self._path.write_text("")

    def _write(self, line: Item) -> None:
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(json.dumps(line) + "\n")

    def _replay(self, path: Path) -> None:
        if not path.exists():
            return
        content = path.read_text()
        if content and not content.endswith("\n"):
            path.write_text(content + "\n")  # so that the next line does not join the one that was cut off
        for text in content.splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if "put" in line:
                self._items.setdefault(line["put"], {})[line["item"]["id"]] = line["item"]
            else:
                self._items.get(line["remove"], {}).pop(line["id"], None)
