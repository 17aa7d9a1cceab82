"""The demonstration: the whole story on this machine, each step with its evidence."""
