"""The appliance: scores, searches, decides, remembers, shows.

Every command of `greenlight` enters through `edge.cli`. Others use `edge.search` (training, which
scores as the appliance does), `edge.journal` and `edge.incoming` (the sync service), and no more.
"""
