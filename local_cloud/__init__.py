"""The cloud on a desk: AWS as far as Greenlight uses it, on loopback."""
