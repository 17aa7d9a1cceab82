"""The front panel: button and LED, on real pins, on simulated ones, or drawn in a terminal.

`button` turns edges into gestures and `led` turns states into light, both without pins. Only
`hardware` knows gpiozero; `terminal` stands in for the panel. Nothing here knows the appliance.
"""
