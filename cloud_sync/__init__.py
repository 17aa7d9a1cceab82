"""The sync service between the appliance and AWS: feedback up, models down, verification.

The executable is `greenlight-sync`; no other package imports this one. `session` decides what to
do, `service` does it, and `assembly` puts one run together. The MQTT broker is behind `mqtt`;
`downloader` fetches bundles. Of the appliance it uses only the journal and the incoming folder.
"""
