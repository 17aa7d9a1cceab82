"""What the data *is*: records, wire format, topics, manifests. Imports nothing else of ours."""
