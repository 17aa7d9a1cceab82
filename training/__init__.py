"""From films to a signed bundle, and from ratings to the next one.

`sources` reads films, `model` learns from them, `evaluation` measures, `export` writes the bundle,
`report` draws, and `retraining` learns from feedback. `cli` is `greenlight-train`; `serve` is the
ML endpoint's server. No other package imports this one: the cloud runs it as a process.
"""
