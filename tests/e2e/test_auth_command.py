"""`tenon auth` on a running stack: one walk through its commands, and what they do is so at the edge."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

import bcrypt
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from tests.e2e.stack import Stack

PASSWORD = "a password of elsewhere that is long"
SECONDS = 5.0
"""Within which what is taken away is gone everywhere."""


def auth(stack: Stack, *words: str) -> Any:
    """Run a command and return what it answers to programs."""
    return json.loads(stack.tenon("auth", *words, "--json").stdout)


def sign_in(stack: Stack, email: str, password: str) -> httpx.Response:
    with stack.client() as client:
        return client.post("/auth/v1/sessions:signIn", json={"email": email, "password": password})


def within_seconds(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)


def status(stack: Stack, path: str, token: str) -> int:
    with stack.client(token) as client:
        return client.get(path).status_code


def test_people_and_roles(stack: Stack) -> None:
    auth(stack, "role", "create", "reader", "--permission", "flightops.airports.*", "--name", "Reader")
    made = auth(stack, "user", "create", "ada@example.com", "--name", "Ada", "--password")
    opened = sign_in(stack, "ada@example.com", made["password"])
    assert opened.status_code == 200, opened.text
    assert status(stack, "/flightops/v1/airports", opened.json()["accessToken"]) == 403
    auth(stack, "role", "grant", "ada@example.com", "reader")
    assert auth(stack, "user", "show", "ada@example.com")["roles"] == ["roles/reader"]
    token = sign_in(stack, "ada@example.com", made["password"]).json()["accessToken"]
    assert status(stack, "/flightops/v1/airports", token) == 200
    assert len(auth(stack, "user", "sessions", "ada@example.com")) == 2
    assert auth(stack, "user", "end-sessions", "ada@example.com", "--yes")["ended"] == 2
    within_seconds(lambda: status(stack, "/flightops/v1/airports", token) == 401)
    auth(stack, "user", "disable", "ada@example.com")
    assert sign_in(stack, "ada@example.com", made["password"]).status_code == 401
    auth(stack, "user", "enable", "ada@example.com")
    renewed = auth(stack, "user", "reset-password", "ada@example.com", "--yes")["password"]
    assert sign_in(stack, "ada@example.com", renewed).status_code == 200
    listed = [user["email"] for user in auth(stack, "user", "list", "--filter", 'roles:"roles/reader"')]
    assert listed == ["ada@example.com"]
    in_use = stack.tenon("auth", "role", "delete", "reader", "--yes", check=False)
    assert (in_use.returncode, "roles/reader" in in_use.stderr) == (1, True)
    auth(stack, "role", "revoke", "ada@example.com", "reader")
    auth(stack, "role", "delete", "reader", "--yes")
    auth(stack, "user", "delete", "ada@example.com", "--yes")
    gone = stack.tenon("auth", "user", "show", "ada@example.com", check=False)
    assert (gone.returncode, "No user has the address" in gone.stderr) == (1, True)


def test_machines_clients_and_their_secrets(stack: Stack) -> None:
    auth(stack, "role", "create", "robot", "--permission", "flightops.airports.*")
    account = auth(stack, "service-account", "create", "nightly", "--role", "robot")["name"]
    key = auth(stack, "key", "create", account, "--days", "1")
    with stack.client() as client:
        headers = {"x-api-key": key["key"]}
        assert client.get("/flightops/v1/airports", headers=headers).status_code == 200
        auth(stack, "key", "revoke", key["name"], "--yes")
        within_seconds(lambda: client.get("/flightops/v1/airports", headers=headers).status_code == 401)
    assert key["key"] not in stack.tenon("auth", "key", "list").stdout
    client_made = auth(
        stack, "client", "create", "Job", "--service-account", account, "--scope", "flightops.airports.*"
    )
    assert token_of(stack, client_made["client_id"], client_made["client_secret"]).status_code == 200
    second = auth(stack, "client", "secret", "add", client_made["client_id"])
    ids = [each["id"] for each in auth(stack, "client", "secret", "list", client_made["client_id"])]
    assert ids == [client_made["secret_id"], second["secret_id"]]
    auth(stack, "client", "secret", "remove", client_made["client_id"], ids[0], "--yes")
    within_seconds(lambda: token_of(stack, client_made["client_id"], client_made["client_secret"]).status_code == 401)
    token = token_of(stack, client_made["client_id"], second["client_secret"]).json()["access_token"]
    assert status(stack, "/flightops/v1/airports", token) == 200
    auth(stack, "client", "delete", client_made["client_id"], "--yes")
    auth(stack, "service-account", "delete", account, "--yes")
    within_seconds(lambda: status(stack, "/flightops/v1/airports", token) == 401)


def token_of(stack: Stack, client: str, secret: str) -> httpx.Response:
    with stack.client() as edge:
        form = {"grant_type": "client_credentials", "scope": "flightops.airports.*"}
        return edge.post("/oauth2/token", data=form, auth=(client, secret))


def test_organizations_and_invitations(stack: Stack) -> None:
    auth(stack, "organization", "create", "walk", "--name", "Walk")
    assert "walk" in stack.tenon("auth", "organization", "list").stdout
    invited = auth(stack, "invitation", "create", "bob@example.com", "--organization", "walk")
    assert invited["state"] == "INVITATION_STATE_PENDING"
    assert [each["email"] for each in auth(stack, "invitation", "list", "--organization", "walk")] == [
        "bob@example.com"
    ]
    made = auth(stack, "user", "create", "carol@example.com", "--organization", "walk")
    assert auth(stack, "user", "show", made["name"], "--organization", "walk")["email"] == "carol@example.com"
    elsewhere = stack.tenon("auth", "user", "show", made["name"], check=False)
    assert elsewhere.returncode == 1


def test_permissions_and_the_matrix_are_the_running_contract_s(stack: Stack) -> None:
    names = {each["name"] for each in auth(stack, "permissions")}
    assert {"auth.users.adopt", "library.books.get"} <= names
    lines = stack.tenon("auth", "matrix", "--service", "library", "--role", "administrator").stdout.splitlines()
    assert lines[0].split() == ["PERMISSION", "administrator"]
    assert {tuple(line.split()) for line in lines[1:]} >= {("library.books.get", "*")}


def test_the_audit_trail_is_read_judged_and_exported(stack: Stack, tmp_path: Path) -> None:
    sign_in(stack, "nobody-at-all@example.com", "wrong")
    within_seconds(lambda: bool(auth(stack, "audit", "list", "--kind", "sign_in", "--outcome", "failure")))
    within_seconds(lambda: auth(stack, "audit", "verify")["events"] != "0")
    assert auth(stack, "audit", "verify")["intact"] is True
    stack.tenon("auth", "audit", "export", "--into", str(tmp_path / "audit.jsonl"))
    lines = (tmp_path / "audit.jsonl").read_text().splitlines()
    assert lines
    assert all(json.loads(line)["digest"] for line in lines)


def test_users_of_elsewhere_sign_in_as_before(stack: Stack, tmp_path: Path) -> None:
    salt = b"0123456789abcdef"
    derived = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt, 1000)
    hashes = {
        "b": bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode(),
        "p": f"$pbkdf2-sha256$i=1000${base64.b64encode(salt).decode()}${base64.b64encode(derived).decode()}",
    }
    rows = [f"{name}@import.example.com,{text},true" for name, text in hashes.items()]
    file = tmp_path / "users.csv"
    file.write_text("\n".join(["email,password_hash,email_verified", *rows, "md5@import.example.com,5f4dcc3b,", ""]))
    done = stack.tenon("auth", "import", str(file), check=False)
    assert done.returncode == 1
    assert "Took over 2 of 3 users." in done.stdout
    [rejected] = (tmp_path / "users.csv.rejected.jsonl").read_text().splitlines()
    assert json.loads(rejected)["reason"] == "PASSWORD_HASH_UNUSABLE"
    for name in hashes:
        assert sign_in(stack, f"{name}@import.example.com", PASSWORD).status_code == 200
    again = stack.tenon("auth", "import", str(file), check=False)
    assert "Took over 0 of 3 users." in again.stdout


def test_the_signing_keys_are_rotated_and_the_old_ones_go_on(stack: Stack) -> None:
    token = stack.token()
    before = {key["name"] for key in auth(stack, "keys", "list")}
    after = {key["name"]: key["state"] for key in auth(stack, "keys", "rotate")}
    assert before < set(after)
    assert {after[name] for name in set(after) - before} == {"SIGNING_KEY_STATE_STAGED"}
    assert status(stack, "/auth/v1/users", token) == 200
    with stack.client() as client:
        published = {key["kid"] for key in client.get("/auth/v1/jwks.json").json()["keys"]}
    assert published == {name.removeprefix("signingKeys/") for name in after}


@pytest.mark.parametrize("words", [("user",), ("user", "fly"), ("user", "list", "--sideways"), ("role", "create")])
def test_a_wrong_command_line_is_a_usage_error(stack: Stack, words: tuple[str, ...]) -> None:
    done = stack.tenon("auth", *words, check=False)
    assert (done.returncode, "usage: tenon auth" in done.stderr) == (2, True)
