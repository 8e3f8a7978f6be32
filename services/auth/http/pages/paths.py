"""Where the pages are, and where one may lead."""

from __future__ import annotations

import re

HOME = "/account"
SIGN_IN = "/account/sign-in"
FACTOR = "/account/sign-in/factor"
LINK = "/account/sign-in/link"
CONFIRM = "/account/confirm"
SIGN_OUT = "/account/sign-out"
CONSENT = "/account/consent"
DEVICE = "/account/device"
VERIFY = "/account/verify"
RESET = "/account/reset"
INVITATION = "/account/invitation"
CONTINUE = "/oauth2/continue"

PROFILE = "/account/profile"
PASSWORD = "/account/password"  # noqa: S105 - where it is changed
AUTHENTICATORS = "/account/authenticators"
APP_SETUP = "/account/authenticators/app"
PASSKEY_SETUP = "/account/authenticators/passkey"
RECOVERY_CODES = "/account/authenticators/codes"
LINKED = "/account/linked"
LINKED_CONFIRM = "/account/linked/confirm"
SESSIONS = "/account/sessions"
APPLICATIONS = "/account/applications"
OWN_DATA = "/account/data"

ROOMS = (
    (HOME, "Overview"),
    (PROFILE, "Profile"),
    (PASSWORD, "Password"),
    (AUTHENTICATORS, "Sign-in methods"),
    (LINKED, "Linked identities"),
    (SESSIONS, "Sessions"),
    (APPLICATIONS, "Applications"),
    (OWN_DATA, "Your data"),
)
"""The pages of an account, with their names."""

_LOCAL = re.compile(r"/account(/[a-z]+(-[a-z]+)*){0,3}(\?user_code=[A-Za-z-]{1,16}|\?link=[A-Za-z0-9_-]{1,128})?")


def local_path(asked: str) -> str:
    """Return the page that was asked for if it is one of ours, and else the account's own: nothing leads elsewhere."""
    return asked if _LOCAL.fullmatch(asked) else HOME
