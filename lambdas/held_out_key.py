"""The key by which ratings and films are held out, in Secrets Manager.

The stack makes it once and never changes it: another key would hold out other combinations, on
which models have been trained.
"""

from __future__ import annotations

from typing import Any


def read_key(secrets: Any, secret: str) -> bytes:
    """Return the key.

    Args:
        secrets: the Secrets Manager client.
        secret: the secret's name or ARN; the stack's output HeldOutKey.
    """
    text: str = secrets.get_secret_value(SecretId=secret)["SecretString"]
    return text.encode()
