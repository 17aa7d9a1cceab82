"""The front panel: button and LED, on real pins, on simulated ones, or drawn in a terminal.

`button` turns edges into gestures and `led` plays patterns, both without pins. Only `hardware`
knows gpiozero; `terminal` replaces the panel on a laptop. Nothing here knows the appliance.
"""
