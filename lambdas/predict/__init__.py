"""The function `predict`: scores a device's picks with the cloud's own model.

AWS calls `handler.handle` with messages from `filmrequest/<thing>`. `answer` decides the reply,
pure; `sagemaker` calls the ML endpoint. No other package imports it.
"""
