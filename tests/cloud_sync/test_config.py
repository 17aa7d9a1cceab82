"""The configuration: every error at once, secrets masked, the example loads."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

import cloud_sync
from cloud_sync.config import SyncConfig, read
from data.settings import ConfigError

EXAMPLE = Path(cloud_sync.__file__).with_name("sync.example.toml")


def written(tmp_path: Path, **changes: object) -> Path:
    """Write the example with some keys changed; None leaves one out."""
    settings = tomllib.loads(EXAMPLE.read_text("utf-8")) | changes
    lines = []
    for key, value in settings.items():
        if value is not None:
            text = str(value).lower() if isinstance(value, bool) else repr(value)
            lines.append(f"{key} = {text}")
    path = tmp_path / "sync.toml"
    path.write_text("\n".join(lines))
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        read(path)
    return refused.value.problems


def test_the_example_loads_and_names_every_key_with_its_default() -> None:
    config = read(EXAMPLE)
    named = tomllib.loads(EXAMPLE.read_text("utf-8"))
    assert set(named) == {one.name for one in fields(SyncConfig)}
    defaults = {one.name: one.default for one in fields(SyncConfig)}
    optional = EXAMPLE.read_text("utf-8").split("Everything below may be left out")[1]
    for key in tomllib.loads(optional.partition("\n")[2]):
        assert getattr(config, key) == defaults[key], key


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = read(written(tmp_path))
    assert config.certificate == tmp_path / "certificate.pem.crt"
    assert config.public_keys == tmp_path / "public-keys"
    assert config.state == Path("/var/lib/greenlight")
    assert read(written(tmp_path), Path("/elsewhere")).state == Path("/elsewhere")


def test_every_problem_is_reported_at_once_and_by_name(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        thing="no spaces please",
        mqtt_port=99_999,
        region=None,
        keep_alive_seconds=True,
        ack_timeout_seconds="soon",
        credentials_url="http://plain",
        mqtt_hots="typo",
    )
    reported = problems(path)
    assert len(reported) == 7
    assert "mqtt_hots: isn't a setting; did you mean mqtt_host?" in reported
    for key in ("thing", "mqtt_port", "region", "keep_alive", "ack_timeout", "credentials_url"):
        assert any(problem.startswith(key) for problem in reported), key


def test_retries_that_would_shrink_are_refused(tmp_path: Path) -> None:
    reported = problems(written(tmp_path, retry_base_seconds=5, retry_cap_seconds=1))
    assert reported == ["retry_cap_seconds: is below retry_base_seconds; give at least as much"]


def test_a_device_that_was_never_connected_shows_how_to_connect(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path / "nowhere.toml")
    assert "greenlight-setup connect" in problem
    assert "--config" in problem


@pytest.mark.parametrize("url", ["http://[", "ftp://host", "host", "https://"])
def test_an_address_without_a_host_is_refused(tmp_path: Path, url: str) -> None:
    reported = problems(written(tmp_path, aws_endpoint_url=url, credentials_url=url))
    assert reported == [
        f"credentials_url: is {url!r}; give https://host",
        f"aws_endpoint_url: is {url!r}; give https://host",
    ]


def test_the_private_keys_place_is_never_shown(tmp_path: Path) -> None:
    config = read(written(tmp_path))
    assert "private.pem.key" not in repr(config)
    assert "thing='MovieSelector'" in repr(config), "the rest is shown"
