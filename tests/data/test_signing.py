"""Keys: the development key is made once, and a file without a key is named."""

import hashlib

import pytest
from cryptography.hazmat.primitives import serialization

from data import signing


def test_the_development_key_is_made_once_and_kept_private(tmp_path):
    made = signing.development_key(tmp_path / "keys")
    again = signing.development_key(tmp_path / "keys")
    assert made.key_id == again.key_id
    assert (tmp_path / "keys" / "development.pem").stat().st_mode & 0o777 == 0o600
    assert signing.read_public_keys(tmp_path / "keys") == {made.key_id: made.public_pem}


def test_a_key_file_that_holds_no_key_is_named(tmp_path):
    (tmp_path / "a.pub.pem").write_text("nothing")
    with pytest.raises(signing.KeyUnusable, match=r"a\.pub\.pem"):
        signing.read_public_keys(tmp_path)


def test_a_signature_is_of_these_bytes_by_this_key_for_this_purpose():
    key, other = signing.PrivateKey.new(), signing.PrivateKey.new()
    signature = key.sign(b"manifest")
    assert len(signature) == signing.SIGNATURE_BYTES
    assert signing.is_signed(b"manifest", signature, key.public_pem)
    assert not signing.is_signed(b"manifest!", signature, key.public_pem)
    assert not signing.is_signed(b"manifest", signature, other.public_pem)
    # A signature made for another purpose, even of the same hash, isn't a manifest's signature.
    plain = serialization.load_pem_private_key(key.private_pem(), None)
    assert not signing.is_signed(b"manifest", plain.sign(b"manifest"), key.public_pem)
    hashed = hashlib.sha256(b"manifest").digest()
    assert not signing.is_signed(b"manifest", plain.sign(hashed), key.public_pem)
