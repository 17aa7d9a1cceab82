"""What an operator types: `greenlight-cloud stack`, `device`, `model`, `films`, `ratings`.

Others may call:
- `cli.application()`, the command line;
- `aws`, the way to an account or to a local cloud: `Aws`, `reach`, `on_local_cloud`;
- `cloudformation.deploy` and `package`, which a local cloud deploys itself with;
- `devices.provision`.

A module for each noun or verb holds its command; no function in AWS imports any of it.
"""
