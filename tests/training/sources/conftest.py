"""A server like OMDb's for the tests that ask it."""

import pytest

from training.sources import omdb

from . import omdb_server as server_of


@pytest.fixture
def server(monkeypatch):
    running = server_of.OmdbServer()
    monkeypatch.setenv(omdb.KEY_VARIABLE, server_of.KEY)
    monkeypatch.setenv(omdb.ADDRESS_VARIABLE, running.address)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(omdb, "from_environment", lambda options: server_of.at(running, options))
    yield running
    running.close()
