"""Button and LED: presses, patterns, pins, and the terminal that stands in for them."""
