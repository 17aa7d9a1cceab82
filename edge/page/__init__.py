"""The page: why this film, how the last ones did, and whether all is well. Read on the LAN.

A separate process (`greenlight page`, `edge.page.server`), started by systemd's socket or by
`greenlight run`. It asks the appliance over a socket: `edge.page.port` says what and
`edge.page.client` how. Import those by name: this package itself loads nothing.
"""
