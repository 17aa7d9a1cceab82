"""The running appliance, and how it is reached.

`Appliance.execute(command) -> Outcome` is the only way to ask it for anything. Command lines call
`execute` in `edge.appliance.client`; the page calls the port it is given. The records are here, and
light: the appliance itself is put together in `edge.appliance.run`.
"""

from edge.appliance.commands import (
    Approve,
    Command,
    Explain,
    Hold,
    MarkRead,
    Narrow,
    Outcome,
    Press,
    Rate,
    RefusalKind,
    RetryModel,
    ShutDown,
    Synchronise,
)

__all__ = [
    "Approve",
    "Command",
    "Explain",
    "Hold",
    "MarkRead",
    "Narrow",
    "Outcome",
    "Press",
    "Rate",
    "RefusalKind",
    "RetryModel",
    "ShutDown",
    "Synchronise",
]
