"""A package index of the future: it offers a higher version of every locked package as well.

The wheels are empty but for their metadata, which says the worst: each package needs the next one,
with an extra, at its locked version or any later one.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FUTURE = "9999.0"


def entries_of(lock: Path) -> list[Requirement]:
    """Return what a lock names, without hashes."""
    text = re.sub(r"^#.*\n", "", lock.read_text("utf-8"), flags=re.MULTILINE)
    found = re.split(r"\n(?=\S)", text.strip())
    return [Requirement(re.split(r"\s*\\?\s+--hash", entry)[0]) for entry in found]


def version_of(entry: Requirement) -> str:
    """Return the version to which a lock pins a package."""
    (pinned,) = entry.specifier
    assert pinned.operator == "=="
    return pinned.version


def holds(entry: Requirement, environment: dict[str, str] | None = None) -> bool:
    """Return whether an entry is meant for a machine and Python; for this one by default."""
    return entry.marker is None or entry.marker.evaluate(environment)


@dataclass(frozen=True)
class FutureIndex:
    """An index as a folder, and locks that name its wheels instead of the real ones."""

    folder: Path

    @property
    def address(self) -> str:
        """Where pip finds it."""
        return (self.folder / "simple").as_uri()

    def offer(self, lock: Path) -> Path:
        """Put a lock's packages into the index; return the same lock with the hashes of these."""
        entries = entries_of(lock)
        lines = []
        for number, entry in enumerate(entries):
            later = entries[number + 1 :] + entries[:number]
            following = next((one for one in later if holds(one)), entry)
            needs = f"{following.name}[more]>={version_of(following)}"
            locked = self._wheel(entry, version_of(entry), needs)
            self._wheel(entry, FUTURE, needs)
            lines.append(f"{entry} --hash=sha256:{locked}")
        made = self.folder / lock.name
        made.write_text("\n".join(lines) + "\n", "utf-8")
        return made

    def _wheel(self, entry: Requirement, version: str, needs: str) -> str:
        """Put a wheel onto its package's page, once; return its hash."""
        page = self.folder / "simple" / canonicalize_name(entry.name)
        page.mkdir(parents=True, exist_ok=True)
        name = canonicalize_name(entry.name).replace("-", "_")
        wheel = page / f"{name}-{version}-py3-none-any.whl"
        if not wheel.exists():
            extras = "".join(f"Provides-Extra: {extra}\n" for extra in ("more", *entry.extras))
            notes = f"{name}-{version}.dist-info"
            with zipfile.ZipFile(wheel, "w") as archive:
                archive.writestr(
                    f"{notes}/METADATA",
                    f"Metadata-Version: 2.1\nName: {entry.name}\nVersion: {version}\n"
                    f"{extras}Requires-Dist: {needs}\n",
                )
                archive.writestr(
                    f"{notes}/WHEEL",
                    "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
                    "Tag: py3-none-any\n",
                )
                archive.writestr(f"{notes}/RECORD", "")
            with (page / "index.html").open("a") as index:
                index.write(f'<a href="{wheel.name}">{wheel.name}</a><br>\n')
        return hashlib.sha256(wheel.read_bytes()).hexdigest()
