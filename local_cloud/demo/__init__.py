"""The demonstration: the whole story on this machine, each step with its evidence.

`make demo` runs it (`python -m local_cloud.demo`). `steps` are the story, `runner` runs executables
and shows their output, `context` is what the steps share, `evidence` reads the cloud's stores.
"""
