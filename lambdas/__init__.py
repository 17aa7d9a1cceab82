"""The AWS side: the functions, the stack, the tools that deploy it, and the cloud on a desk.

- What AWS runs: the folders `store_feedback/`, `predict/`, `start_retraining/`, `release_model/`,
  each called at its `handler.py`, and `endpoint/`, the image that serves and trains models.
- What a person types, as `python -m lambdas.<name>`: `deploy`, `provision`, `import_films`,
  `publish`, `retrain`, `restore`, `package`, and `local`, the same cloud on one machine.
- The other files here are what these share.
"""
