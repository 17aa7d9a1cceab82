"""From devices' ratings to a new model, or to a refusal that says why.

compact   feedback objects -> shards and a ledger -> an immutable training set
retrain   compact -> fit -> judge -> bundle, verdict and report
"""
