"""How clients hear of sessions that have ended (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import pytest
from tenon.auth.v1 import session_service_pb2

from services.auth.__main__ import wire
from services.auth.domain.oauth.logout_notices import EVENT
from services.auth.storage.outgoing import Outgoing, OutgoingFailed, OutgoingRefused, is_public
from tests.fakes.auth_provider import ISSUER, claims_of, started

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fakes.auth_provider import Authority, Registered

QUEUED = "SELECT client, session_id, user_name, attempts FROM auth.logout_notices ORDER BY client"


class Listener:
    """A client's own site, on a socket of this machine."""

    def __init__(self) -> None:
        self.statuses = [200]
        self.heard: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:"))
        form = dict(parse_qsl((await reader.readexactly(length)).decode()))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        location = "location: http://127.0.0.1:1/\r\n" if status == 302 else ""
        writer.write(f"HTTP/1.1 {status} X\r\n{location}content-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        await self.heard.put({**form, "request": head.split("\r\n")[0]})


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    listener = Listener()
    server = await asyncio.start_server(listener.answer, "127.0.0.1", 0)
    async with server:
        listener.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/bye?tenant=1"
        yield listener


@asynccontextmanager
async def telling(authority: Authority) -> AsyncIterator[None]:
    """Let the loop run that tells clients, as in a process of auth."""
    async with wire(authority.frame) as wiring:
        (loop,) = [asyncio.ensure_future(task()) for task in wiring.tasks if task.__name__ == "tell"]
        try:
            yield
        finally:
            loop.cancel()
            await asyncio.gather(loop, return_exceptions=True)


async def sign_in_at(authority: Authority, *clients: Registered) -> str:
    session = await authority.sign_in()
    for client in clients:
        await authority.tokens(client)
    return session


async def end_own(authority: Authority) -> None:
    rows = await authority.pool.fetch("SELECT id FROM auth.sessions WHERE cookie IS NOT NULL")
    for row in rows:
        await authority.passwords.EndSession(
            session_service_pb2.EndSessionRequest(name=f"sessions/{row['id']}"), **await authority.admin()
        )


async def nothing_waits(authority: Authority) -> None:
    async with asyncio.timeout(10):
        while await authority.pool.fetch(QUEUED):
            await asyncio.sleep(0.05)


async def test_whoever_was_told_of_a_person_is_told_that_their_session_has_ended(
    environ: dict[str, str], listener: Listener
) -> None:
    """Auth statements 31 and 41: the logout token is signed, names the session, and is no id token."""
    environ["TENON_OUTGOING_PRIVATE"] = "1"
    async with started(environ) as authority, telling(authority):
        told = await authority.register(first_party=True, backchannel_logout_uri=listener.url)
        untold = await authority.register(first_party=True)
        session = await sign_in_at(authority, told, untold)
        hint = (await authority.tokens(told))["id_token"]
        await authority.http.get("/oauth2/logout", params={"id_token_hint": hint})
        heard = await asyncio.wait_for(listener.heard.get(), 10)
        assert heard["request"] == "POST /bye?tenant=1 HTTP/1.1"
        token = await authority.verify(heard["logout_token"])
        assert token.header["typ"] == "logout+jwt"
        claims = token.claims
        assert claims["events"] == {EVENT: {}}
        assert (claims["iss"], claims["aud"], claims["sid"]) == (ISSUER, told.id, session)
        assert claims["sub"] == claims_of(hint)["sub"]
        assert claims["exp"] - claims["iat"] == 120
        assert claims["jti"]
        assert "nonce" not in claims
        as_hint = {"id_token_hint": heard["logout_token"], "post_logout_redirect_uri": "https://app.test/bye"}
        await authority.sign_in()
        asked = await authority.http.get("/oauth2/logout", params=as_hint)
        assert asked.headers["location"] == "/account/sign-out", "a logout token is no id token"
        await nothing_waits(authority)


async def test_a_client_that_does_not_answer_is_told_again_and_one_that_refuses_is_not(
    environ: dict[str, str], listener: Listener
) -> None:
    environ["TENON_OUTGOING_PRIVATE"] = "1"
    listener.statuses = [503, 302, 400]
    async with started(environ) as authority, telling(authority):
        client = await authority.register(first_party=True, backchannel_logout_uri=listener.url)
        await sign_in_at(authority, client)
        await end_own(authority)
        seen = set()
        for _ in range(3):
            heard = await asyncio.wait_for(listener.heard.get(), 10)
            seen.add(claims_of(heard["logout_token"])["jti"])
            async with asyncio.timeout(10):
                while not await authority.pool.fetch(
                    "UPDATE auth.logout_notices SET due_time = now() WHERE due_time < now() + interval '50 seconds'"
                    " RETURNING 1"
                ):
                    if not await authority.pool.fetch(QUEUED):
                        break
                    await asyncio.sleep(0.05)
        assert len(seen) == 3, "each try has its own token"
        await nothing_waits(authority)
        rows = await authority.pool.fetch("SELECT client, outcome FROM auth.audit_events WHERE kind = 'logout.untold'")
        assert [(row["client"], row["outcome"]) for row in rows] == [(client.id, "failure")]


async def test_a_private_address_is_never_called(environ: dict[str, str], listener: Listener) -> None:
    """A client's address must not lead auth into the network that it is in."""
    async with started(environ) as authority, telling(authority):
        client = await authority.register(
            first_party=True, backchannel_logout_uri=listener.url.replace("http:", "https:")
        )
        await sign_in_at(authority, client)
        await end_own(authority)
        await nothing_waits(authority)
        assert listener.heard.empty()
        rows = await authority.pool.fetch("SELECT client FROM auth.audit_events WHERE kind = 'logout.untold'")
        assert [row["client"] for row in rows] == [client.id]


async def test_the_notice_and_the_end_of_the_session_are_one(authority: Authority) -> None:
    client = await authority.register(first_party=True, backchannel_logout_uri="https://app.test/bye")
    other = await authority.register(first_party=True)
    session = await sign_in_at(authority, client, other)
    assert await authority.pool.fetch(QUEUED) == []
    await end_own(authority)
    rows = await authority.pool.fetch(QUEUED)
    assert sorted((row["client"], row["session_id"]) for row in rows) == sorted(
        [(client.id, session), (other.id, session)]
    )
    ended = await authority.pool.fetch("SELECT id FROM auth.sessions WHERE end_time IS NOT NULL")
    assert [row["id"] for row in ended] == [session]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
        "ff02::1", "nonsense",
    ],
)  # fmt: skip
def test_an_address_that_is_not_of_the_open_internet_is_noticed(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"])
def test_an_address_of_the_open_internet_is_called(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url", ["http://app.test/", "https://user@app.test/", "https:///x", "ftp://app.test/", "https://app.test:99999/"]
)
async def test_what_is_no_plain_https_address_is_not_called(url: str) -> None:
    outgoing = Outgoing()
    with pytest.raises(OutgoingRefused):
        await outgoing.get(url, limit=10)
    await outgoing.aclose()


async def test_a_name_that_means_one_private_address_among_others_is_not_called() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["93.184.216.34", "10.0.0.1"]

    outgoing = Outgoing(resolve=resolve)
    with pytest.raises(OutgoingRefused):
        await outgoing.post("https://app.test/", {})
    await outgoing.aclose()


async def test_nobody_waits_long_for_an_answer_or_reads_a_long_one() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1]
        if path == b"/long":
            writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + b"x" * 100)
            await writer.drain()
        else:
            await reader.read()  # until whoever asks goes away
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    place = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    outgoing = Outgoing(private=True, timeout=0.2)
    async with server:
        with pytest.raises(OutgoingFailed, match="longer"):
            await outgoing.get(f"{place}/long", limit=99)
        with pytest.raises(OutgoingFailed):
            await outgoing.get(f"{place}/slow", limit=99)
        assert len(await outgoing.get(f"{place}/long", limit=100)) == 100
    await outgoing.aclose()
