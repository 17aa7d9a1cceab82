"""From films to a signed bundle, and from ratings to the next one.

`sources` reads films, `model` learns from them, `export` writes the bundle, `evaluation` measures,
`retraining` learns from feedback, `report` draws. `cli` is `greenlight-train`, `serve`
the endpoint.
"""
