"""The appliance: score, search, decide, remember, show."""
