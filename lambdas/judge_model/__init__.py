"""The function `judge_model`: scores a candidate itself, and decides whether it may be released.

`release_model` calls `handler.handle` and signs nothing that this function didn't judge. `judge`
decides, pure, with the rules of `judging`; `scorer` is ONNX Runtime, and `stores` is S3. No other
package imports it, and no other function can write its verdicts.
"""
