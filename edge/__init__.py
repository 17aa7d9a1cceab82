"""The appliance: scores, searches, decides, remembers, shows.

Every command of `greenlight` starts in `edge.cli`. Other packages may import only `edge.search`
(training, which searches as the appliance does), `edge.journal` and `edge.incoming` (the sync
service).
"""
