"""The AWS side: the functions, the stack's template, and the operator's tools.

- What AWS runs: the folders `store_feedback/`, `predict/`, `start_retraining/`, `release_model/`,
  each called at its `handler.py`, and `endpoint/`, the image that serves and trains models.
- What the functions share, with each other and with the operator's tools: `event`, `errors`,
  `kms_key`, `release`, `serving`, `training_jobs`.
- What a person types is `operator/`; no function imports it.
"""
