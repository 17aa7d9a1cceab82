"""Amazon's root certificates come whole, or not at all."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lambdas.operator.devices import ProvisioningFailed, amazon_roots

from ..authority import Authority

FILES = (*(f"AmazonRootCA{number}.pem" for number in range(1, 5)), "SFSRootCAG2.pem")


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Yield the address of a server on loopback, and the folder whose files it serves."""
    folder = tmp_path / "repository"
    folder.mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", folder
        server.shutdown()
        thread.join()


def roots(folder: Path) -> None:
    for name in FILES:
        (folder / name).write_bytes(Authority(folder / "keys" / name).path.read_bytes())


def test_a_certificate_from_any_of_amazons_roots_is_trusted(
    repository: tuple[str, Path], tmp_path: Path
) -> None:
    address, folder = repository
    roots(folder)
    file = tmp_path / "root-ca.pem"
    file.write_bytes(amazon_roots(address))
    assert len(ssl.create_default_context(cafile=str(file)).get_ca_certs()) == len(FILES)


@pytest.mark.parametrize("damage", [None, b"", b"<html>sign in</html>", b"\xff"])
def test_a_root_that_is_missing_or_something_else_is_refused_by_its_name(
    damage: bytes | None, repository: tuple[str, Path]
) -> None:
    address, folder = repository
    roots(folder)
    if damage is None:
        (folder / FILES[-1]).unlink()
    else:
        (folder / FILES[-1]).write_bytes(damage)
    with pytest.raises(ProvisioningFailed, match=FILES[-1]):
        amazon_roots(address)
