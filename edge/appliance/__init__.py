"""The running appliance, and the commands it takes.

`Appliance.execute(command) -> Outcome` is the only way to command it. Command lines call `execute`
in `edge.appliance.client`; the page calls the port it is given. The commands are exported here and
load quickly; `edge.appliance.run` is the composition root.
"""

from edge.appliance.commands import (
    Approve,
    Command,
    Explain,
    Hold,
    MarkRead,
    Narrow,
    OpenPairing,
    Outcome,
    Press,
    Rate,
    RefusalKind,
    RetryModel,
    RetryRatings,
    ShutDown,
    Synchronise,
    Withdraw,
)

__all__ = [
    "Approve",
    "Command",
    "Explain",
    "Hold",
    "MarkRead",
    "Narrow",
    "OpenPairing",
    "Outcome",
    "Press",
    "Rate",
    "RefusalKind",
    "RetryModel",
    "RetryRatings",
    "ShutDown",
    "Synchronise",
    "Withdraw",
]
