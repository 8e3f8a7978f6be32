"""What a client is told that has to sign in more strongly or anew (RFC 9470), by the edge and by services alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.chassis.contract import StepUp

REASON = "STEP_UP_REQUIRED"
"""The reason of the error."""


def challenge_of(step_up: StepUp) -> str:
    """Return the `WWW-Authenticate` header that asks for it (RFC 9470 §3)."""
    wants = [
        f'{name}="{value}"' for name, value in (("acr_values", step_up.acr), ("max_age", _age_of(step_up))) if value
    ]
    return ", ".join(['Bearer error="insufficient_user_authentication"', *wants])


def metadata_of(step_up: StepUp) -> dict[str, str]:
    """Return what it asks for, as the error's metadata has it."""
    return {name: value for name, value in (("acr", step_up.acr), ("max_age", _age_of(step_up))) if value}


def wish_of(step_up: StepUp) -> str:
    """Return what it asks for, as a part of a sentence."""
    level = f"a sign-in of level {step_up.acr}" if step_up.acr else "a sign-in"
    return level if step_up.max_age is None else f"{level} in the last {step_up.max_age:g} s"


def _age_of(step_up: StepUp) -> str:
    return "" if step_up.max_age is None else str(int(step_up.max_age))
