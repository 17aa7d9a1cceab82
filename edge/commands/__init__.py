"""The commands of `greenlight`: one module for each, or for related ones.

They translate between a terminal and the appliance, and decide nothing. Each module has `register`,
which `edge.cli` calls; heavy imports happen only when a command runs. No other package uses them.
"""
