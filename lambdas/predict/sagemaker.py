"""The ML endpoint in SageMaker."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from lambdas.predict.answer import EndpointFailed


class SageMakerEndpoint:
    """A SageMaker real-time or serverless endpoint."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def invoke(self, body: bytes) -> bytes:
        """Return the endpoint's answer to this request; see answer.ScoringEndpoint."""
        if not self._name:
            raise EndpointFailed("no ML endpoint is deployed; deploy with Endpoint=serverless")
        try:
            reply = self._client.invoke_endpoint(
                EndpointName=self._name,
                ContentType="application/json",
                Accept="application/json",
                Body=body,
            )
            content: bytes = reply["Body"].read()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            message = error.response["Error"]["Message"]
            raise EndpointFailed(f"the ML endpoint refused: {code}: {message}") from error
        except HTTPClientError as error:
            raise EndpointFailed(f"the ML endpoint didn't answer in time: {error}") from error
        except BotoCoreError as error:
            raise EndpointFailed(f"the ML endpoint couldn't be called: {error}") from error
        return content
