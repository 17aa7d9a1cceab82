"""The function `release_model`: releases a retrained model if the gate found it better.

EventBridge calls `handler.handle` when a training job ends. `candidate` reads the job's output
without trusting it, `conclude` decides, pure; `stores` is AWS. No other package imports it.
"""
