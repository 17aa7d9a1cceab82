"""The running appliance: the state machine, its shell, and who talks to it."""
