"""Whether codes are those of the standard, and each is good once."""

from __future__ import annotations

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.domain.factors.totp import (
    code_at,
    generate_seed,
    match_step,
    provisioning_uri,
    readable_seed,
    step_at,
)

SEED = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    """Auth statement 38: RFC 6238, appendix B."""
    assert code_at(SEED, step_at(seconds)) == code


@given(st.binary(min_size=16, max_size=64), st.integers(0, 2**35))
def test_codes_agree_with_an_independent_implementation(seed: bytes, seconds: int) -> None:
    import base64  # noqa: PLC0415 - for this test alone

    theirs = pyotp.TOTP(base64.b32encode(seed).decode()).at(seconds)
    assert code_at(seed, step_at(seconds)) == theirs


def test_the_seed_is_random_and_its_address_is_read_by_others() -> None:
    """Auth statement 38: a seed of a CSPRNG."""
    assert len({generate_seed() for _ in range(50)}) == 50
    seed = generate_seed()
    assert len(seed) * 8 >= 160
    parsed = pyotp.parse_uri(provisioning_uri(seed, account="clerk@x.test", issuer="Tenon"))
    assert isinstance(parsed, pyotp.TOTP)
    assert (parsed.name, parsed.issuer, parsed.interval, parsed.digits) == ("clerk@x.test", "Tenon", 30, 6)
    assert parsed.at(1234567890) == code_at(seed, step_at(1234567890))
    assert readable_seed(seed).replace(" ", "") == parsed.secret


@pytest.mark.parametrize(("steps", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_clocks_may_differ_by_one_step(steps: int, good: bool) -> None:
    """Auth statement 38: thirty seconds, by the server's time."""
    now = 1_800_000_010.0
    assert (match_step(SEED, code_at(SEED, step_at(now) + steps), now) is not None) is good


@pytest.mark.parametrize("code", ["", "1", "ööö", "287082\0", "2870821", "+87082"])
def test_nonsense_is_no_code(code: str) -> None:
    assert match_step(SEED, code, 59) is None


def test_a_code_is_read_as_apps_show_it() -> None:
    assert match_step(SEED, "287 082", 59) == 1
