"""What every part must agree on: records, the wire format, topics, limits, bundles, graph rules.

Anyone may import its modules; it imports no other package of Greenlight. Start at `messages` (what
device and cloud send), `wire` (JSON, checked both ways), `bundle` (a signed model in a folder) and
`films`. `settings`, `command_line` and `exits` make the executables behave alike.
"""
