"""The operator's commands: `greenlight-cloud stack`, `device`, `model`, `films`, `ratings`.

Other packages may use:
- `cli.application()`, the command line;
- `aws`, the access to an AWS account or a local cloud: `Aws`, `reach`, `on_local_cloud`;
- `cloudformation.deploy` and `package`, with which the local cloud deploys the stack;
- `devices.provision`.

Each command is in the module of its noun or verb; no function in AWS imports any of them.
"""
