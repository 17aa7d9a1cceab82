"""The domain of the appliance's models, without loading one."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from data.domain import FILMS, Domain
from data.errors import GreenlightError
from data.manifest import MANIFEST
from edge.models.store import ModelStore, version_in


class _About(msgspec.Struct):
    domain: Domain = FILMS


def active_domain(state: Path) -> Domain:
    """Return the domain of the active model in a state folder; films if there is none.

    An appliance keeps to one domain, so this holds for its whole journal. The manifest was checked
    when it was taken over. If no model is active, or can't be read, it's the domain of the newest
    one that can: the owner still rates what that one picked, on its scale.
    """
    store = ModelStore(state, make=False)
    folders: list[Path] = []
    with contextlib.suppress(GreenlightError):
        if (active := store.read().active) is not None:
            folders = [store.folder(active)]
    with contextlib.suppress(OSError):
        folders += sorted(store.accepted(), key=lambda path: version_in(path) or 0, reverse=True)
    return next(filter(None, map(_domain_in, folders)), FILMS)


def domain_of(bundle: Path) -> Domain:
    """Return the domain of a bundle that was checked before; films if it can't be read."""
    return _domain_in(bundle) or FILMS


def _domain_in(bundle: Path) -> Domain | None:
    try:
        return msgspec.json.decode((bundle / MANIFEST).read_bytes(), type=_About).domain
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
