"""The appliance's models: offered, checked, tried, activated, rolled back.

`store` keeps them on disk, `activation` is the table of an update's steps and `update` carries them
out, `trial` and `sandbox` run a candidate in a process without rights, and `active` loads the model
at a start. The appliance uses `store.ModelStore`, `active` and `update.Update`; nothing here knows
the appliance.
"""
