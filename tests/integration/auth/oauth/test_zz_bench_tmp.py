from __future__ import annotations
import asyncio, os, subprocess, sys, time, base64, tempfile, resource
import pytest
from services.chassis.http_listener import serve_http
from tests.fakes import auth_provider as ap
from services.chassis.contract import write_contract
from services.chassis.keyring import create_root_key

@pytest.fixture
def environ(tmp_path, database, valkey_socket, redis):
    write_contract(ap.own_contract(), tmp_path / "contract.binpb")
    create_root_key(tmp_path / "root.key")
    password = tmp_path / "admin-password"
    password.touch(mode=0o600)
    password.write_text(f"{ap.ADMIN_PASSWORD}\n")
    return {
        "TENON_CONTRACT": str(tmp_path / "contract.binpb"),
        "TENON_LISTEN": f"unix:{tmp_path}/auth.sock"[:100],
        "TENON_INSECURE": "1",
        "TENON_DATABASE_URL": database,
        "TENON_REDIS_URL": f"unix://{valkey_socket}",
        "TENON_ROOT_KEY": str(tmp_path / "root.key"),
        "TENON_ISSUER": ap.ISSUER,
        "TENON_ADMIN_PASSWORD_FILE": str(password),
    }

CLIENT = '''
import asyncio, sys, time
path, sock, seconds, conns = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
auth = sys.argv[5]; bodies = open(sys.argv[6]).read().splitlines()
async def one(i, end, count):
    r, w = await asyncio.open_unix_connection(sock)
    body = bodies[i % len(bodies)]
    while time.monotonic() < end:
        b = body.encode()
        w.write(f"POST {path} HTTP/1.1\\r\\nhost: x\\r\\nauthorization: {auth}\\r\\ncontent-type: application/x-www-form-urlencoded\\r\\ncontent-length: {len(b)}\\r\\n\\r\\n".encode()+b)
        h = await r.readuntil(b"\\r\\n\\r\\n")
        assert h.startswith(b"HTTP/1.1 200"), h
        n = int(h.lower().split(b"content-length: ")[1].split(b"\\r\\n")[0])
        d = await r.readexactly(n)
        if b"refresh_token" in d and "grant_type=refresh" in body:
            import json
            body = "grant_type=refresh_token&refresh_token=" + json.loads(d)["refresh_token"]
        count[0] += 1
async def main():
    count=[0]; end=time.monotonic()+seconds
    await asyncio.gather(*(one(i,end,count) for i in range(conns)))
    print(count[0])
asyncio.run(main())
'''

async def run(path, sock, auth, bodies, conns=16, seconds=3.0):
    f = tempfile.NamedTemporaryFile("w", delete=False); f.write("\n".join(bodies)); f.close()
    c0 = time.process_time(); t0 = time.monotonic()
    p = await asyncio.create_subprocess_exec(sys.executable, "-c", CLIENT, path, sock, str(seconds), str(conns), auth, f.name, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = await p.communicate()
    c = time.process_time() - c0; t = time.monotonic() - t0
    assert out.strip(), err[-2000:]
    n = int(out)
    print(f"\n{path} {bodies[0][:30]}: {n/seconds:.0f}/s wall, {n/c:.0f}/s per cpu-second of auth")

async def test_bench(environ):
    async with ap.started(environ) as a:
        c = await a.register(first_party=True, grant_types=["client_credentials", "authorization_code", "refresh_token"])
        from services.chassis.http_listener import build_app
        app = a.http._transport.app
        folder = tempfile.mkdtemp()
        auth = "Basic " + base64.b64encode(f"{c.id}:{c.secret}".encode()).decode()
        toks = [await a.tokens(c, scope="openid offline_access commerce.*") for _ in range(16)]
        accs = [(await a.token(c, grant_type="client_credentials")).json()["access_token"] for _ in range(64)]
        async with serve_http(app, f"unix:{folder}/s", None):
            s = f"{folder}/s"
            for _ in range(1):
                await run("/oauth2/token", s, auth, ["grant_type=client_credentials"])
                await run("/oauth2/introspect", s, auth, [f"token={t}" for t in accs])
                await run("/oauth2/introspect", s, auth, [f"token={t['refresh_token']}" for t in toks])
                await run("/oauth2/token", s, auth, [f"grant_type=refresh_token&refresh_token={t['refresh_token']}" for t in toks])
            if os.environ.get("PROFILE"):
                import cProfile, pstats
                for path, bodies in (("/oauth2/token", [f"grant_type=refresh_token&refresh_token={t['refresh_token']}" for t in [await a.tokens(c, scope="openid offline_access commerce.*") for _ in range(16)]]),("/oauth2/introspect", [f"token={t}" for t in accs])):
                    pr = cProfile.Profile(); pr.enable()
                    await run(path, s, auth, bodies)
                    pr.disable(); pstats.Stats(pr).sort_stats("tottime").print_stats(25)
