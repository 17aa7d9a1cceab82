"""The commands of `greenlight`, one module each; what is heavy they import when they run."""
