"""The function `start_retraining`: starts a training job, unless there is a reason not to.

The schedule calls `handler.handle`, and so does `greenlight-cloud model retrain`. `start` decides,
pure; `sagemaker` is AWS. No other package imports it.
"""
