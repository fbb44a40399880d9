"""Sealed values open with their key, in their place, unchanged; and in no other way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from salesorder_m365.plugin.errors import SealError
from salesorder_m365.plugin.store.sealing import KeyRing, Place
from salesorder_m365.schemas.settings import Key

OLD, NEW = Key(id="old", secret=bytes(32)), Key(id="new", secret=bytes(range(32)))
HERE = Place("m365_grant", "m365:1", "access_token")


@given(st.binary(max_size=200))
def test_what_is_sealed_opens(secret):
    ring = KeyRing((NEW, OLD))
    assert ring.open(ring.seal(secret, HERE), HERE) == secret


def test_the_newest_key_writes_and_all_read():
    sealed = KeyRing((OLD,)).seal(b"x", HERE)
    ring = KeyRing((NEW, OLD))
    assert ring.open(sealed, HERE) == b"x"
    assert b"new" in ring.seal(b"x", HERE)


@pytest.mark.parametrize(
    "elsewhere",
    [
        Place("m365_grant", "m365:2", "access_token"),
        Place("m365_grant", "m365:1", "msal_cache"),
        Place("m365_attempt", "m365:1", "access_token"),
        Place("m365_grant", "m365:1a", "ccess_token"),
    ],
)
def test_a_value_opens_in_its_own_place_only(elsewhere):
    ring = KeyRing((NEW,))
    with pytest.raises(SealError, match="does not open"):
        ring.open(ring.seal(b"x", HERE), elsewhere)


def test_every_flipped_bit_and_every_cut_is_noticed():
    ring = KeyRing((NEW,))
    sealed = ring.seal(b"secret", HERE)
    for index in range(len(sealed) * 8):
        damaged = bytearray(sealed)
        damaged[index // 8] ^= 1 << index % 8
        with pytest.raises(SealError):
            ring.open(bytes(damaged), HERE)
    for length in range(len(sealed)):
        with pytest.raises(SealError):
            ring.open(sealed[:length], HERE)


def test_a_missing_key_is_told_from_a_wrong_one():
    sealed = KeyRing((NEW,)).seal(b"x", HERE)
    with pytest.raises(SealError, match="Key new is not in the key ring"):
        KeyRing((OLD,)).open(sealed, HERE)
    with pytest.raises(SealError, match="does not open with key new"):
        KeyRing((Key(id="new", secret=bytes(32)),)).open(sealed, HERE)
