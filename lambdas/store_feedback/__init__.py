"""The function `store_feedback`: stores ratings and acknowledges them.

AWS calls `handler.handle` with messages from `filmupdate/<thing>`. `ingest` decides, pure; `stores`
is DynamoDB and S3. Outside of it, only `operator.ratings` imports it, to restore the table.
"""
