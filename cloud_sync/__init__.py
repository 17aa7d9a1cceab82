"""The service between the appliance and AWS: feedback up, model updates down, verification.

`session` decides and does nothing else; `service` carries it out; `assembly` builds one run. The
broker is behind `mqtt`, the bundles come through `downloader`. Of the appliance it knows only the
journal and the incoming folder. No other package imports it; the executable is `greenlight-sync`.
"""
