"""The domain of the appliance's models, without loading one."""

from __future__ import annotations

from pathlib import Path

import msgspec

from data.domain import FILMS, Domain
from data.errors import GreenlightError
from data.manifest import MANIFEST
from edge.models.store import ModelStore


class _About(msgspec.Struct):
    domain: Domain = FILMS


def active_domain(state: Path) -> Domain:
    """Return the domain of the active model in a state folder; films if there is none.

    An appliance keeps to one domain, so this holds for its whole journal. The manifest was checked
    when it was taken over.
    """
    try:
        store = ModelStore(state, make=False)
        active = store.read().active
    except GreenlightError:
        return FILMS
    return FILMS if active is None else domain_of(store.folder(active))


def domain_of(bundle: Path) -> Domain:
    """Return the domain of a bundle that was checked before; films if it can't be read."""
    try:
        return msgspec.json.decode((bundle / MANIFEST).read_bytes(), type=_About).domain
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return FILMS
