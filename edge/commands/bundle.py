"""Which model a command uses: the bundle named by the user, or the appliance's active one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import GreenlightError

if TYPE_CHECKING:
    from data.domain import Domain
    from edge.search.model import Model

# Where training writes its bundle in a checkout.
CHECKOUT_BUNDLE = Path("build/bundle")


class NoBundle(GreenlightError):
    """There is no model."""


def open_model(bundle: Path | None, state: Path | None = None, config: Path | None = None) -> Model:
    """Check and load a bundle.

    Args:
        bundle: its folder; None for the appliance's active model, or else the checkout's bundle.
        state: the appliance's state folder, if it is not the configured one.
        config: the appliance's configuration, if it is not the installed one.

    Raises:
        GreenlightError: there's no bundle, or it's unusable or untrusted.
    """
    from data import signing
    from data.trust import read_trust
    from edge.commands.options import configured
    from edge.models.store import TRUST
    from edge.search.model import Model

    settings = configured(config, state)
    keys = signing.read_public_keys(signing.keys_folder())
    keys |= read_trust(settings.public_keys, settings.state / TRUST).known
    folder = bundle or _active(settings.state) or CHECKOUT_BUNDLE
    if not keys:
        raise NoBundle(
            f"no public key in {settings.public_keys} or {signing.keys_folder()}: "
            "without one, no bundle can be trusted"
        )
    if not folder.is_dir():
        raise NoBundle(f"{folder}: no such folder; train a model, or name one with --bundle")
    return Model.open(folder, keys)


def opened_domain(
    bundle: Path | None, state: Path | None = None, config: Path | None = None
) -> Domain:
    """Return the domain of the model that `open_model` would open."""
    from edge.commands.options import configured
    from edge.models.active_domain import domain_of

    return domain_of(bundle or _active(configured(config, state).state) or CHECKOUT_BUNDLE)


def _active(state: Path) -> Path | None:
    """Return the folder of the appliance's active model; nothing is made or changed."""
    from edge.models.store import ModelStore, StoreDamaged

    store = ModelStore(state, make=False)
    try:
        active = store.read().active
    except StoreDamaged:
        return None
    return None if active is None else store.folder(active)
