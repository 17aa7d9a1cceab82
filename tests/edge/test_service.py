"""Which program uses the page's port, as far as this user may know."""

from __future__ import annotations

import os
import socket

from edge.service import port_holder


def test_the_holder_of_a_port_is_named():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        assert port_holder(port) is None
        listener.listen()
        found = port_holder(port)
        assert found is not None
        assert f"process {os.getpid()}" in found
