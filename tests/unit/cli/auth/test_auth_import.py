"""`tenon auth import`: files of every form, batches, and a report in which no row is missing."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from tenon.auth.v1 import adoption_service_pb2 as pb

from services.auth.storage.foreign_hashes import matches
from services.cli.commands.auth.importing import BATCH
from services.cli.commands.auth.sources.keycloak import hash_of
from services.cli.errors import CommandError
from tests.fakes.auth_channel import FakeChannel, refusal, type_in

if TYPE_CHECKING:
    from pathlib import Path


def accept(request: pb.AdoptUsersRequest) -> pb.AdoptUsersResponse:
    """Take everybody over whose address begins with a letter."""
    return pb.AdoptUsersResponse(
        results=[
            pb.AdoptionResult(user=f"users/{user.email}")
            if user.email[:1].isalpha()
            else pb.AdoptionResult(reason="FIELD_INVALID", message="user.email: No address.")
            for user in request.users
        ]
    )


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def rejected_in(path: str) -> list[dict[str, Any]]:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - a path that is shown as text
        return [json.loads(line) for line in file]


def sent(channel: FakeChannel) -> list[Any]:
    return [user for _, request in channel.calls for user in request.users]


def test_a_csv_brings_its_columns(tmp_path: Path) -> None:
    file = write(
        tmp_path / "users.csv",
        "\ufeffemail,given_name,roles,password_hash,email_verified,disabled\n"
        'ada@example.com,"Ada, Countess",clerk;roles/buyer,$2b$12$hash,true,\n'
        "bob@example.com,,,,no,1\n",
    )
    channel = FakeChannel().add("AdoptUsers", accept)
    typed = type_in(channel, "import", file, "--role", "guest", "--organization", "acme")
    assert (typed.code, typed.shown, typed.organizations) == (0, "Took over 2 of 2 users.\n", ["acme"])
    ada, bob = sent(channel)
    assert (ada.given_name, ada.password_hash, ada.email_verified) == ("Ada, Countess", "$2b$12$hash", True)
    assert list(ada.roles) == ["roles/clerk", "roles/buyer", "roles/guest"]
    assert (bob.disabled, bob.email_verified, list(bob.roles)) == (True, False, ["roles/guest"])
    assert not (tmp_path / "users.csv.rejected.jsonl").exists()


def test_json_lines_bring_lists_and_flags(tmp_path: Path) -> None:
    lines = [
        {"email": "ada@example.com", "roles": ["clerk"], "email_verified": True, "metadata": {"old": "7"}},
        {"email": "bob@example.com", "locale": None},
    ]
    file = write(tmp_path / "users.jsonl", "\n\n".join(map(json.dumps, lines)) + "\n")
    channel = FakeChannel().add("AdoptUsers", accept)
    assert type_in(channel, "import", file).code == 0
    ada, bob = sent(channel)
    assert (list(ada.roles), ada.email_verified, dict(ada.metadata)) == (["roles/clerk"], True, {"old": "7"})
    assert bob.locale == ""


def test_no_row_is_lost_and_each_that_is_rejected_says_why(tmp_path: Path) -> None:
    file = write(
        tmp_path / "users.jsonl",
        '{"email": "ada@example.com"}\n'
        '{"email": "1@example.com", "password_hash": "$2b$..."}\n'
        "no json\n"
        "[]\n"
        '{"email": 7}\n'
        '{"email": "eve@example.com", "emial": ""}\n'
        '{"email": "nul@example.com", "given_name": "a\\u0000b"}\n'
        '{"email": "half@example.com", "given_name": "\\ud800"}\n'
        '{"email": "maybe@example.com", "disabled": "maybe"}\n'
        '{"email": "bob@example.com"}\n',
    )
    channel = FakeChannel().add("AdoptUsers", accept)
    typed = type_in(channel, "import", file, "--json")
    told = json.loads(typed.shown)
    assert (typed.code, told["taken"], told["rejected"]) == (1, 2, {"FIELD_INVALID": 1, "ROW_UNREADABLE": 7})
    rows = rejected_in(told["file"])
    assert sorted(row["row"] for row in rows) == [2, 3, 4, 5, 6, 7, 8, 9]
    assert all(row["reason"] and row["message"] for row in rows)
    [mendable] = [row for row in rows if row["row"] == 2]
    assert (mendable["email"], mendable["password_hash"]) == ("1@example.com", "$2b$...")
    assert (tmp_path / "users.jsonl.rejected.jsonl").stat().st_mode & 0o777 == 0o600


def test_the_file_of_rejected_rows_is_mended_and_read_again(tmp_path: Path) -> None:
    file = write(tmp_path / "users.csv", "email,given_name\n1@example.com,Ada\n")
    channel = FakeChannel().add("AdoptUsers", accept, accept)
    again = json.loads(type_in(channel, "import", file, "--json").shown)["file"]
    write(
        tmp_path / "users.csv.rejected.jsonl", (tmp_path / "users.csv.rejected.jsonl").read_text().replace("1@", "a@")
    )
    assert type_in(channel, "import", again).shown == "Took over 1 of 1 users.\n"
    assert sent(channel)[-1].given_name == "Ada"


def test_a_line_with_too_few_or_too_many_columns_stops_no_other(tmp_path: Path) -> None:
    file = write(tmp_path / "users.csv", "email,given_name\na@example.com\nb@example.com,B,more\nc@example.com,C\n")
    channel = FakeChannel().add("AdoptUsers", accept)
    typed = type_in(channel, "import", file)
    assert "Took over 1 of 3 users." in typed.shown
    assert [user.email for user in sent(channel)] == ["c@example.com"]


def test_many_users_are_sent_in_batches(tmp_path: Path) -> None:
    count = 2 * BATCH + 1
    file = write(tmp_path / "u.csv", "email\n" + "".join(f"user{number}@example.com\n" for number in range(count)))
    channel = FakeChannel().add("AdoptUsers", *[accept] * 3)
    assert type_in(channel, "import", file).shown == f"Took over {count} of {count} users.\n"
    assert [len(request.users) for _, request in channel.calls] == [BATCH, BATCH, 1]


def test_a_batch_that_is_refused_for_one_row_goes_row_by_row(tmp_path: Path) -> None:
    file = write(tmp_path / "u.csv", "email\na@example.com\nbad@example.com\nc@example.com\n")

    def strict(request: pb.AdoptUsersRequest) -> Any:
        if any(user.email.startswith("bad") for user in request.users):
            return refusal(grpc.StatusCode.INVALID_ARGUMENT, "users[0].email: bad.")
        return accept(request)

    channel = FakeChannel().add("AdoptUsers", *[strict] * 4)
    told = json.loads(type_in(channel, "import", file, "--json").shown)
    assert (told["taken"], told["rejected"]) == (2, {"INVALID_ARGUMENT": 1})
    assert rejected_in(told["file"])[0]["message"] == "users[0].email: bad."


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.PERMISSION_DENIED])
def test_an_end_in_the_middle_says_how_far_it_went(tmp_path: Path, code: grpc.StatusCode) -> None:
    file = write(tmp_path / "u.csv", "email\n" + "".join(f"user{number}@example.com\n" for number in range(BATCH + 1)))
    channel = FakeChannel().add("AdoptUsers", accept, refusal(code, "No."))
    with pytest.raises(CommandError, match=f"Until then {BATCH} users were taken over and 0 rejected.*not made twice"):
        type_in(channel, "import", file)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("users.txt", "", "form of .* is not known"),
        ("users.csv", "mail\na@example.com\n", "no column `email`"),
        ("users.json", "{}", "no export of Keycloak"),
        ("users.json", "{", "cannot be read as keycloak"),
    ],
)
def test_a_file_that_cannot_be_read_says_so(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        type_in(FakeChannel(), "import", write(tmp_path / name, text))


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        type_in(FakeChannel(), "import", str(tmp_path / "nothing.csv"))


def test_a_realm_of_keycloak_brings_people_and_the_roles_that_are_mapped(tmp_path: Path) -> None:
    users = [
        {"username": "ada", "email": "ada@example.com", "enabled": False, "realmRoles": ["offline_access", "seller"]},
        {"username": "service-account-shop", "serviceAccountClientId": "shop"},
        {
            "username": "md5",
            "email": "md5@example.com",
            "credentials": [{"type": "password", "secretData": "{}", "credentialData": '{"algorithm": "md5"}'}],
        },
        {"username": "broken", "email": "broken@example.com", "credentials": [{"type": "password"}]},
    ]
    file = write(tmp_path / "realm.json", json.dumps({"realm": "shop", "users": users}))
    channel = FakeChannel().add("AdoptUsers", accept)
    told = json.loads(type_in(channel, "import", file, "--map-role", "seller=clerk", "--json").shown)
    [ada] = sent(channel)
    assert (list(ada.roles), ada.disabled, ada.display_name) == (["roles/clerk"], True, "ada")
    assert (told["taken"], told["rejected"]) == (1, {"ROW_UNREADABLE": 2})
    assert "md5" in rejected_in(told["file"])[0]["message"]


def test_a_role_that_is_mapped_to_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="theirs=ours"):
        type_in(FakeChannel(), "import", str(tmp_path / "realm.json"), "--map-role", "seller")


def test_a_hash_of_keycloak_s_is_the_password_s() -> None:
    key = hashlib.pbkdf2_hmac("sha256", b"secret", b"0123456789abcdef", 1000, 64)
    secret = {"value": base64.b64encode(key).decode(), "salt": base64.b64encode(b"0123456789abcdef").decode()}
    data = {"hashIterations": 1000, "algorithm": "pbkdf2-sha256"}
    credential = {"type": "password", "secretData": json.dumps(secret), "credentialData": json.dumps(data)}
    assert matches(hash_of([credential]), b"secret")
    assert not matches(hash_of([credential]), b"other")
    assert hash_of([]) == ""
