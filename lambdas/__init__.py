"""The AWS side: the functions, the stack's template, and the operator's tools.

- AWS runs the functions `store_feedback/`, `predict/`, `start_retraining/`, `judge_model/` and
  `release_model/`, each through its `handler.py`, and `endpoint/`, the image that serves and trains
  models.
- The functions and the operator's tools share `archive`, `candidate`, `event`, `errors`, `kms_key`,
  `release`, `serving` and `training_jobs`.
- `operator/` is the command line; no function imports it.

Outside of this package only `local_cloud` imports it.
"""
