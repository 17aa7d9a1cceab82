"""The commands of `greenlight`: a module for each, or for those that belong together.

They translate between a terminal and the appliance, and decide nothing. Each module has `register`,
which `edge.cli` calls; anything heavy is imported when a command runs, not before.
"""
