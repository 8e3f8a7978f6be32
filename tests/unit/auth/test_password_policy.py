"""Whether passwords that would be guessed are refused, with the reason, and no others."""

from __future__ import annotations

import unicodedata

import pytest

from services.auth.domain.accounts import Account
from services.auth.domain.errors import PasswordUnsuitable
from services.auth.domain.password_policy import PasswordPolicy
from services.auth.storage.blocklist import read_common_passwords
from services.auth.storage.hashing import Argon2Hasher

POLICY = PasswordPolicy(common=read_common_passwords())
CLERK = Account(organization="northwind", name="users/clerk", email="marianne.quist@northwind.test")


def refusal(password: str, *, second: bool = False) -> str:
    with pytest.raises(PasswordUnsuitable) as caught:
        POLICY.check(password, account=CLERK, second=second)
    assert caught.value.violations[0].field == "new_password"
    assert password not in caught.value.message
    return caught.value.metadata["cause"]


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "only small letters here",
        "847213900562418",
        "ααβγδεζηθικλμνξ",
        "🦊🐢🦉🐝🦊🐢🦉🐝🐙🦑🐞🦀🐡🐠🦋",
        "x9" * 3 + "kfjq" * 30,
        "spaces   are   good",
    ],
)
def test_length_is_all_that_is_asked_for(password: str) -> None:
    """Auth statement 33: no composition, 64 characters and more."""
    POLICY.check(password, account=CLERK)


def test_a_password_alone_has_fifteen_characters_and_eight_beside_a_second_factor() -> None:
    """Auth statement 33."""
    assert refusal("wqzkvbnxjhtpgr") == "too_short"
    POLICY.check("wqzkvbnxjhtpgrm", account=CLERK)
    assert refusal("wqzkvbn", second=True) == "too_short"
    POLICY.check("wqzkvbnx", account=CLERK, second=True)


def test_the_whole_of_a_long_password_counts() -> None:
    """Auth statement 33: 64 characters are allowed, and so are 128; nothing is cut off."""
    long = "".join(chr(97 + (n * 7 + n // 26) % 26) for n in range(129))
    POLICY.check(long[:64], account=CLERK)
    POLICY.check(long[:128], account=CLERK)
    assert refusal(long) == "too_long"


async def test_every_character_of_a_long_password_is_verified() -> None:
    """Auth statement 33: verified whole, and in NFKC, whatever the keyboard composes."""
    hasher = Argon2Hasher(threads=1)
    try:
        kept = await hasher.hash("a" * 127 + "b")
        assert not await hasher.verify(kept, "a" * 127 + "c")
        assert not await hasher.verify(kept, "a" * 127)
        kept = await hasher.hash(unicodedata.normalize("NFC", "größer als ein Mäuschen"))
        assert await hasher.verify(kept, unicodedata.normalize("NFD", "größer als ein Mäuschen"))
        assert not await hasher.verify(kept, "grosser als ein Mauschen")
        assert not await hasher.verify(kept, "GRÖßER als ein Mäuschen")
    finally:
        hasher.close()


def test_the_list_holds_the_three_thousand_that_are_tried_first() -> None:
    """Auth statement 34."""
    common = read_common_passwords()
    assert len(common) >= 3000
    assert {"password", "iloveyou", "princess", "sunshine", "12345678", "qwertyuiop", "1qaz2wsx"} <= common


@pytest.mark.parametrize(
    "password",
    [
        "1qaz2wsx3edc4rfv",
        "1QAZ2WSX3EDC4RFV",
        "passwordpassword",
        "password1234567",
        "!!!password!!!!",
        "aaaaaaaaaaaaaaaa",
        "abcabcabcabcabcabc",
        "abcdefghijklmnop",
        "123456789012345",
        "987654321098765",
        "sunshine",
        "iloveyou",
    ],
)
def test_what_is_tried_first_is_refused(password: str) -> None:
    """Auth statement 34: with the reason."""
    assert refusal(password, second=True) == "common"


@pytest.mark.parametrize(
    "password",
    [
        "marianne.quist@northwind.test",
        "MarianneQuist2026",
        "tenon-northwind-1",
        "northwindnorthwind",
        "tenon tenon tenon",
    ],
)
def test_names_of_ours_and_theirs_are_no_password(password: str) -> None:
    """Auth statement 34: context words."""
    assert refusal(password) == "context"


def test_a_name_within_a_good_password_does_no_harm() -> None:
    POLICY.check("marianne likes purple walruses", account=CLERK)
    POLICY.check("tenonwalrusparadox", account=CLERK)
