"""Reads the users of a realm that Keycloak has exported, with hashes of passwords as Keycloak 8 and later keep them."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_PBKDF2 = {"pbkdf2": "sha1", "pbkdf2-sha256": "sha256", "pbkdf2-sha512": "sha512"}
_ARGON2 = {"id": "argon2id", "i": "argon2i", "d": "argon2d"}


def read_users(document: Any) -> list[Mapping[str, Any]]:
    """Return the users of an export: a realm, some of its users (`realm-users-0.json`), or a list of them.

    Raises:
        ValueError: it is no such export.
    """
    users = document.get("users") if isinstance(document, dict) else document
    if not isinstance(users, list) or not all(isinstance(user, dict) for user in users):
        raise ValueError("This is no export of Keycloak's: it has no list `users`.")
    return users


def fields_of(user: Mapping[str, Any], roles: Mapping[str, str]) -> dict[str, Any]:
    """Return a user's fields as ours are named; `roles` says by ours which of the realm's roles are carried over.

    What Keycloak keeps of second factors is not carried over.

    Raises:
        ValueError: the password has a hash of a kind that we do not know.
    """
    first, last = user.get("firstName") or "", user.get("lastName") or ""
    attributes = user.get("attributes") or {}
    metadata = {"keycloak_id": user.get("id") or "", "keycloak_username": user.get("username") or ""}
    return {
        "email": user.get("email") or "",
        "display_name": f"{first} {last}".strip() or user.get("username") or "",
        "given_name": first,
        "family_name": last,
        "locale": _first(attributes.get("locale")),
        "roles": [roles[role] for role in user.get("realmRoles") or () if role in roles],
        "disabled": user.get("enabled") is False,
        "email_verified": user.get("emailVerified") is True,
        "metadata": {name: value for name, value in metadata.items() if value},
        "password_hash": hash_of(user.get("credentials") or ()),
    }


def hash_of(credentials: Any) -> str:
    """Return the hash of the password as a PHC string, or nothing where there is none.

    Raises:
        ValueError: its kind is not known.
    """
    for credential in credentials:
        if credential.get("type") == "password":
            secret, data = _object(credential.get("secretData")), _object(credential.get("credentialData"))
            return _phc(secret, data)
    return ""


def _phc(secret: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    algorithm, rounds = data.get("algorithm"), int(data.get("hashIterations") or 0)
    salt, key = _base64(secret.get("salt")), _base64(secret.get("value"))
    if algorithm in _PBKDF2:
        return f"$pbkdf2-{_PBKDF2[algorithm]}$i={rounds}${salt}${key}"
    if algorithm == "argon2":
        more = data.get("additionalParameters") or {}
        kind = _ARGON2.get(_first(more.get("type")) or "id")
        if kind is None or (_first(more.get("version")) or "1.3") != "1.3":
            raise ValueError("The password has an argon2 of a kind that is not known.")
        costs = f"m={_first(more.get('memory'))},t={rounds},p={_first(more.get('parallelism'))}"
        return f"${kind}$v=19${costs}${salt}${key}"
    raise ValueError(f"The password is hashed by {algorithm!r}, which is not known.")


def _object(text: Any) -> Mapping[str, Any]:
    parsed = json.loads(text) if isinstance(text, str) else text
    if not isinstance(parsed, dict):
        raise ValueError("The password's credential cannot be read.")  # noqa: TRY004 - bad content, whatever its type
    return parsed


def _first(value: Any) -> str:
    """Return a parameter, which Keycloak keeps in a list."""
    if isinstance(value, list):
        value = value[0] if value else ""
    return str(value or "")


def _base64(text: Any) -> str:
    return base64.b64encode(base64.b64decode(str(text or ""), validate=True)).decode().rstrip("=")
