"""A stand-in for AWS IoT's credentials provider, which the emulator lacks.

`GET /role-aliases/<alias>/credentials` over mutual TLS, as AWS documents it ("Authorizing direct
calls to AWS services using AWS IoT Core credential provider"). The caller is checked with the
emulator: the certificate must be active and belong to the thing named in the header.
"""

from __future__ import annotations

import hashlib
import json
import re
import ssl
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.operator.aws import Aws

_PATH = re.compile(r"/role-aliases/(?P<alias>[\w=,@-]{1,128})/credentials")
_THING_HEADER = "x-amzn-iot-thingname"
_SESSION_SECONDS = 3600
_TIMEOUT_SECONDS = 10.0
_STOP_SECONDS = 5.0


class CredentialsRefused(Exception):
    """No credentials for this caller; `status` is AWS's answer, the message is for the log."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class RoleAlias:
    """The one role alias of the stack, and the policy that lets a certificate use it."""

    name: str
    role_arn: str
    policy: str


class CredentialsProvider:
    """Decides who gets credentials. Talks only to the emulator."""

    def __init__(self, aws: Aws, alias: RoleAlias) -> None:
        self._iot = aws.client("iot")
        self._sts = aws.client("sts")
        self._alias = alias

    def credentials(self, path: str, thing: str | None, certificate: bytes) -> dict[str, str]:
        """Return temporary credentials for the device that holds this certificate.

        Args:
            path: of the request.
            thing: from its header; as on AWS it may be left out, but not be another thing.
            certificate: in DER form, already checked against the root by TLS.

        Raises:
            CredentialsRefused: the device gets none.
        """
        asked = _PATH.fullmatch(path)
        if asked is None or asked["alias"] != self._alias.name:
            raise CredentialsRefused(404, f"there is no role alias at {path[:200]}")
        certificate_id = hashlib.sha256(certificate).hexdigest()
        try:
            self._check(certificate_id, thing)
            granted = self._sts.assume_role(
                RoleArn=self._alias.role_arn,
                RoleSessionName=certificate_id[:32],
                DurationSeconds=_SESSION_SECONDS,
            )["Credentials"]
        except (ClientError, BotoCoreError) as error:
            raise CredentialsRefused(403, str(error)) from error
        return {
            "accessKeyId": granted["AccessKeyId"],
            "secretAccessKey": granted["SecretAccessKey"],
            "sessionToken": granted["SessionToken"],
            "expiration": granted["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def _check(self, certificate_id: str, thing: str | None) -> None:
        known = self._iot.describe_certificate(certificateId=certificate_id)
        certificate = known["certificateDescription"]
        if certificate["status"] != "ACTIVE":
            raise CredentialsRefused(
                403, f"certificate {certificate_id[:8]} is {certificate['status']}"
            )
        arn = certificate["certificateArn"]
        policies = self._iot.list_attached_policies(target=arn)["policies"]
        if self._alias.policy not in [policy["policyName"] for policy in policies]:
            raise CredentialsRefused(
                403, f"certificate {certificate_id[:8]} lacks the devices' policy"
            )
        if thing and arn not in self._iot.list_thing_principals(thingName=thing)["principals"]:
            raise CredentialsRefused(
                403, f"certificate {certificate_id[:8]} doesn't belong to thing {thing}"
            )


class CredentialsServer:
    """Serves the provider over mutual TLS on loopback; a context manager."""

    def __init__(
        self, provider: CredentialsProvider, port: int, certificate: Path, root_ca: Path
    ) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certificate)
        context.load_verify_locations(root_ca)
        context.verify_mode = ssl.CERT_REQUIRED
        self._server = _TlsServer(("127.0.0.1", port), context, provider)
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="credentials", daemon=True
        )

    def __enter__(self) -> CredentialsServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(_STOP_SECONDS)


class _TlsServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(
        self, address: tuple[str, int], context: ssl.SSLContext, provider: CredentialsProvider
    ) -> None:
        super().__init__(address, _Handler)
        self.context = context
        self.provider = provider

    def finish_request(self, request: Any, client_address: Any) -> None:
        # In the request's own thread, so an unfinished handshake blocks nobody else.
        request.settimeout(_TIMEOUT_SECONDS)
        try:
            with self.context.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)
        except (ssl.SSLError, OSError) as error:
            print(f"credentials provider: handshake refused: {error}", flush=True)


class _Handler(BaseHTTPRequestHandler):
    server: _TlsServer
    connection: ssl.SSLSocket
    timeout = _TIMEOUT_SECONDS

    def do_GET(self) -> None:
        certificate = self.connection.getpeercert(binary_form=True) or b""
        try:
            granted = self.server.provider.credentials(
                self.path, self.headers.get(_THING_HEADER), certificate
            )
        except CredentialsRefused as refusal:
            print(f"credentials provider: refused: {refusal}", flush=True)
            message = "Role alias not found" if refusal.status == 404 else "Access Denied"
            self._answer(refusal.status, {"message": message})
        else:
            self._answer(200, {"credentials": granted})

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing when all is well."""
