"""The whole AWS side on this machine, on loopback: an emulator, and stand-ins for what it lacks.

`greenlight-cloud local` starts, stops and watches it (`commands`); `supervisor` is its composition
root; `demo/` is the demonstration. `control.send` sends a running one a command. Only tests import
it: everything else finds it through its `endpoints.json` (`lambdas.operator.aws`).
"""
