"""From a fitted model to a signed bundle: compile, convert, prove parity, describe, write."""
