"""The devices that tests of the functions use too."""

from ..lambdas.conftest import a, b, devices, example, make_certificate

__all__ = ["a", "b", "devices", "example", "make_certificate"]
