"""The exit codes of every executable: one for each thing its caller can do about it."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes; `docs/appliance.md` lists them with what systemd does about each."""

    OK = 0
    FAILED = 1
    """The command failed; the message says why."""
    USAGE = 2
    NOT_RUNNING = 69
    """The command needs the running appliance, or the cloud, and can't reach it."""
    FAULT = 70
    """Unexpected error; see the log."""
    NO_GPIO = 71
    """The pins are missing or taken by another program."""
    ALREADY_RUNNING = 73
    """Another appliance uses this state folder."""
    NO_STATE = 74
    """The state folder or the journal can't be used."""
    JOURNAL_TOO_NEW = 76
    """Newer software wrote the journal."""
    CONFIGURATION = 78
    """The configuration is wrong; the message lists every error."""
