"""The film table in DynamoDB, and the data bucket in S3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lambdas.s3_objects import put_new_object
from lambdas.store_feedback.ingest import Item, StoredItem, Unstorable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef
    from mypy_boto3_s3 import S3Client


class DynamoTable:
    """The film table in DynamoDB."""

    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client = client
        self._name = name

    def put_new(self, item: Item) -> StoredItem | None:
        """Put an item, unless its `pk` exists; then return the existing one.

        DynamoDB returns the item on which the condition failed, so it needn't be read again.
        """
        try:
            self._client.put_item(
                TableName=self._name,
                Item={name: _attribute(value) for name, value in item.items()},
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            before: Any = error.response.get("Item", {})
            return StoredItem(
                str(before.get("sha256", {}).get("S", "")),
                bool(before.get("held_out", {}).get("BOOL", False)),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationException":
                raise Unstorable(error.response["Error"]["Message"]) from error
            raise
        return None


def _attribute(value: str | int | float) -> AttributeValueTypeDef:
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"S": value} if isinstance(value, str) else {"N": repr(value)}


class S3Objects:
    """The data bucket in S3."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put_new(self, key: str, content: bytes) -> None:
        """Put an object, unless the key exists."""
        put_new_object(self._client, self._bucket, key, content, ContentType="application/json")
