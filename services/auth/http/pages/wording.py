"""Says times, browsers and ways of signing in as people say them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

_BROWSERS = (
    (r"Edg(?:A|iOS)?/", "Edge"),
    (r"OPR/", "Opera"),
    (r"SamsungBrowser/", "Samsung Internet"),
    (r"Firefox/|FxiOS/", "Firefox"),
    (r"(?:Headless)?Chrome/|CriOS/", "Chrome"),
    (r"Safari/", "Safari"),
)
_SYSTEMS = (
    (r"iPhone|iPad", "iOS"),
    (r"Android", "Android"),
    (r"Windows", "Windows"),
    (r"Mac OS X|Macintosh", "macOS"),
    (r"CrOS", "ChromeOS"),
    (r"Linux", "Linux"),
)
_LONGEST = 40

SCOPES = {
    "openid": "Know who you are",
    "profile": "See your name, your picture, and the address that you sign in with",
    "email": "See your email address",
    "address": "See your postal address",
    "phone": "See your phone number",
    "offline_access": "Keep its access when you are away, until you take it back",
    "tenon": "Do everything that you may do",
}
"""What the scopes mean that are no patterns of permissions."""

VERBS = {
    "get": "Read",
    "list": "List",
    "search": "Search",
    "create": "Create",
    "update": "Change",
    "delete": "Delete",
    "*": "Read and change",
}
"""What the usual verbs of permissions mean."""

METHODS = {
    "pwd": "password",
    "otp": "one-time code",
    "sms": "text message",
    "hwk": "passkey",
    "swk": "passkey",
    "fed": "linked identity",
}
"""The values of `amr` that name a way of signing in."""


def describe_agent(agent: str) -> str:
    """Return what a `User-Agent` names, such as `Firefox on Linux`, or its beginning where it is none that we know."""
    browser = next((name for pattern, name in _BROWSERS if re.search(pattern, agent)), "")
    system = next((name for pattern, name in _SYSTEMS if re.search(pattern, agent)), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or agent.partition(" ")[0][:_LONGEST] or "Unknown device"


def describe_scope(scope: str) -> str:
    """Return what a client may do by a scope, as a sentence; for a pattern that nobody can guess, the pattern."""
    if scope in SCOPES:
        return SCOPES[scope]
    if scope == "*":
        return SCOPES["tenon"]
    parts = [part.replace("_", " ") for part in scope.split(".")]
    if len(parts) == len(("service", "*")) and parts[1] == "*":
        return f"Do everything that you may do in {parts[0]}"
    if len(parts) == len(("service", "resource", "verb")):
        service, resource, verb = parts
        return f"{VERBS.get(verb, verb.capitalize())} {resource} in {service}"
    return scope


def describe_methods(methods: Iterable[str]) -> str:
    """Return how somebody has signed in, such as `password and one-time code`."""
    named = dict.fromkeys(METHODS[method] for method in methods if method in METHODS)
    return " and ".join(named) or "another way"


def describe_time(moment: datetime) -> str:
    """Return a moment, such as `21 November 2026, 17:05 UTC`."""
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"
