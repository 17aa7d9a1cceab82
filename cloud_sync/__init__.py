"""The service between the Pi and AWS."""
