/**
 * The oracle: the certified `oidc-provider` on a free port of the loopback interface, as OAuth 2.1 wants a provider.
 *
 * It takes the people it knows as JSON (`{"login": {claims}}`) in its first argument, prints `{"issuer": …}` in one
 * line once it answers, keeps everything in memory, and ends when its standard input does. `POST /oracle/rotate` gives
 * it new signing keys in front of the old ones.
 */
import * as crypto from "node:crypto";
import * as http from "node:http";

import { errors, Provider } from "oidc-provider";
import { createMemoryAdapter } from "oidc-provider/lib/adapters/memory_adapter.js";

const people = JSON.parse(process.argv[2]);
const secret = crypto.randomBytes(32);
const keys = [makeKey("rsa"), makeKey("ec")];
const adapter = createMemoryAdapter();

function makeKey(kind) {
  const { privateKey } =
    kind === "rsa"
      ? crypto.generateKeyPairSync("rsa", { modulusLength: 2048 })
      : crypto.generateKeyPairSync("ec", { namedCurve: "P-256" });
  const alg = kind === "rsa" ? "RS256" : "ES256";
  return { ...privateKey.export({ format: "jwk" }), use: "sig", alg, kid: crypto.randomUUID() };
}

const issuerOf = (server) => `http://127.0.0.1:${server.address().port}`;

function findAccount(_ctx, sub) {
  return Object.hasOwn(people, sub) ? { accountId: sub, claims: () => ({ sub, ...people[sub] }) } : undefined;
}

const configuration = () => ({
  acrValues: ["aal1", "aal2"],
  adapter,
  // RFC 7523bis: an assertion is for the issuer, and for nobody beside it.
  assertJwtClientAuthClaimsAndHeader: (_ctx, claims) => {
    if (typeof claims.aud !== "string" || claims.aud !== issuerOf(server)) {
      throw new errors.InvalidClientAuth("audience (aud) must equal the issuer identifier url");
    }
  },
  claims: {
    openid: ["sub"],
    address: ["address"],
    email: ["email", "email_verified"],
    phone: ["phone_number", "phone_number_verified"],
    profile: ["name", "given_name", "family_name", "locale", "picture", "zoneinfo"],
    acr: null,
    auth_time: null,
    iss: null,
    sid: null,
  },
  clientAuthMethods: ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
  // The address of the answer is said in each request (RFC 9700 §2.1).
  allowOmittingSingleRegisteredRedirectUri: false,
  cookies: { keys: [secret.toString("hex")], long: { httpOnly: true, sameSite: "none" } },
  discovery: { display_values_supported: ["page", "popup"], ui_locales_supported: ["en"] },
  enableHttpPostMethods: true,
  features: {
    backchannelLogout: { enabled: true },
    claimsParameter: { enabled: true },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    devInteractions: { enabled: true },
    dPoP: { enabled: true, nonceSecret: secret },
    introspection: { enabled: true },
    jwtUserinfo: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    registration: { enabled: true },
    registrationManagement: { enabled: true },
    requestObjects: { enabled: true },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  // Its own guard refuses to fetch from the loopback interface, where the tests' clients have their sites.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  findAccount,
  jwks: { keys },
  pkce: { required: () => true },
  // A code that is used twice, and a refresh token that is, take all with them that came from them.
  rotateRefreshToken: true,
  responseTypes: ["code"],
  revokeGrantPolicy: (ctx) => ctx.oidc.route !== "revocation" || !ctx.oidc.entities.AccessToken,
  scopes: ["openid", "offline_access", "profile", "email", "address", "phone", "api:read", "api:write"],
  ttl: { AccessToken: 300, AuthorizationCode: 60, ClientCredentials: 300, DeviceCode: 300, Grant: 3600, IdToken: 300 },
});

const server = http.createServer((request, response) => serve(request, response));
let serve;

function open() {
  const issuer = issuerOf(server);
  const callback = new Provider(issuer, configuration()).callback();
  serve = (request, response) => {
    if (request.method === "POST" && request.url === "/oracle/rotate") {
      keys.unshift(makeKey("rsa"), makeKey("ec"));
      open();
      response.writeHead(204).end();
      return;
    }
    callback(request, response);
  };
  return issuer;
}

process.stdin.on("end", () => process.exit(0)).resume();
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ issuer: open() })));
