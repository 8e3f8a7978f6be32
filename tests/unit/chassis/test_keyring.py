"""The keyring: what is sealed opens again, for its purpose alone, also after a rotation."""

from __future__ import annotations

import base64
import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.chassis.keyring import (
    Keyring,
    KeyringError,
    RootKey,
    SealBroken,
    create_root_key,
    derive_key,
)

if TYPE_CHECKING:
    from pathlib import Path

KEYRING = Keyring([RootKey(id="new", secret=b"\x01" * 32), RootKey(id="old", secret=b"\x02" * 32)])
LINE = "k1:" + base64.b64encode(bytes(32)).decode()


@settings(deadline=None)
@given(value=st.binary(max_size=200), context=st.binary(max_size=20))
def test_what_is_sealed_opens_again(value: bytes, context: bytes) -> None:
    sealer = KEYRING.sealer("test")
    assert sealer.open(sealer.seal(value, context), context) == value


@settings(deadline=None)
@given(value=st.binary(max_size=20), data=st.data())
def test_one_changed_bit_breaks_the_seal(value: bytes, data: st.DataObject) -> None:
    sealer = KEYRING.sealer("test")
    sealed = bytearray(sealer.seal(value))
    place = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[place // 8] ^= 1 << place % 8
    with pytest.raises(SealBroken):
        sealer.open(bytes(sealed))


@settings(deadline=None)
@given(sealed=st.binary(max_size=60))
def test_chance_bytes_are_refused(sealed: bytes) -> None:
    with pytest.raises(SealBroken):
        KEYRING.sealer("test").open(sealed)


def test_a_cut_value_is_refused_wherever_it_is_cut() -> None:
    sealer = KEYRING.sealer("test")
    sealed = sealer.seal(b"value")
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            sealer.open(sealed[:length])


def test_another_purpose_does_not_open() -> None:
    with pytest.raises(SealBroken):
        KEYRING.sealer("other").open(KEYRING.sealer("test").seal(b"value"))


def test_another_context_does_not_open() -> None:
    with pytest.raises(SealBroken):
        KEYRING.sealer("test").open(KEYRING.sealer("test").seal(b"value", b"users/1"), b"users/2")


def test_sealing_twice_gives_two_values() -> None:
    assert KEYRING.sealer("test").seal(b"value") != KEYRING.sealer("test").seal(b"value")


def test_a_purposes_key_is_hkdf_of_the_root_key() -> None:
    assert derive_key(b"\x01" * 32, "a") != derive_key(b"\x01" * 32, "b")
    assert derive_key(b"\x01" * 32, "a") == derive_key(b"\x01" * 32, "a")
    assert len(derive_key(b"\x01" * 32, "a")) == 32


def test_a_created_file_is_read_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "root.key"
    create_root_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["root.key"]
    sealer = Keyring.from_file(path).sealer("test")
    assert sealer.open(sealer.seal(b"value")) == b"value"


def test_a_root_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "root.key"
    create_root_key(path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        create_root_key(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["root.key"]


def test_of_several_keys_in_a_file_the_first_seals_and_all_open(tmp_path: Path) -> None:
    path = tmp_path / "root.key"
    create_root_key(path)
    old = Keyring.from_file(path)
    sealed = old.sealer("test").seal(b"value")
    path.write_text(f"# rotated\n{LINE}\n\n{path.read_text()}")
    new = Keyring.from_file(path)
    assert new.sealer("test").open(sealed) == b"value"
    with pytest.raises(SealBroken):
        old.sealer("test").open(new.sealer("test").seal(b"value"))


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o620, 0o666, 0o601])
def test_a_file_that_is_open_to_others_is_refused_with_its_mend(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "root.key"
    create_root_key(path)
    path.chmod(mode)
    with pytest.raises(KeyringError, match=r"open to others \(mode 0\d+\)\. Mend: chmod 600"):
        Keyring.from_file(path)


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o640])
def test_a_kubernetes_secret_may_be_read_by_the_pods_group(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "root.key"
    create_root_key(path)
    path.chmod(mode)
    assert Keyring.from_file(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no key"),
        ("# nothing\n\n", "holds no key"),
        ("secret", "line 1: not of the form"),
        (f"{LINE}\nk2:AAAA", "line 2: not of the form"),
        (f"{LINE}\n{LINE}", "share an id"),
        (f"a b{LINE}", "line 1: not of the form"),
    ],
)
def test_a_file_of_another_form_is_refused_without_showing_it(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "root.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeyringError, match=said) as caught:
        Keyring.from_file(path)
    assert "AAAA" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="No such file"):
        Keyring.from_file(tmp_path / "root.key")


def test_nothing_shows_a_key() -> None:
    secret = b"\x01" * 32
    shown = repr(KEYRING) + repr(KEYRING.sealer("test")) + repr(RootKey(id="new", secret=secret))
    assert "x01" not in shown
    assert "new" in shown
