"""What the data *is*: records, wire format, topics, manifests. Imports no other room."""
