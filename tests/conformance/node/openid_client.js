/**
 * What an application does with `openid-client`, which is used here as it comes.
 *
 * The first argument is JSON: `flow`, `issuer`, `client` (`id`, `secret`, `redirect`) and `scope`. Where a person is
 * needed, a line `{"open": address}` is printed, and the line that answers says where the browser came out. The last
 * line is `{"result": …}`.
 */
import * as readline from "node:readline/promises";

import * as oidc from "openid-client";

const { flow, issuer, client, scope } = JSON.parse(process.argv[2]);
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (message) => console.log(JSON.stringify(message));

async function open(address, more = {}) {
  say({ open: address, ...more });
  return new URL(JSON.parse((await lines.next()).value).url);
}

function discover() {
  // As it is registered: a provider need not take a secret in the form from who is to send it in the header.
  const authentication = client.secret ? oidc.ClientSecretBasic(client.secret) : oidc.None();
  return oidc.discovery(new URL(issuer), client.id, undefined, authentication, {
    execute: [oidc.allowInsecureRequests],
  });
}

async function signIn(config, { pushed = false, dpop } = {}) {
  const verifier = oidc.randomPKCECodeVerifier();
  const state = oidc.randomState();
  const nonce = oidc.randomNonce();
  const parameters = {
    redirect_uri: client.redirect,
    scope,
    state,
    nonce,
    prompt: "consent",
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  };
  const address = pushed
    ? await oidc.buildAuthorizationUrlWithPAR(config, parameters, { DPoP: dpop })
    : oidc.buildAuthorizationUrl(config, parameters);
  const came = await open(address.href);
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
  return oidc.authorizationCodeGrant(config, came, checks, undefined, { DPoP: dpop });
}

const flows = {
  async code() {
    const config = await discover();
    const tokens = await signIn(config);
    const { sub } = tokens.claims();
    const told = await oidc.fetchUserInfo(config, tokens.access_token, sub);
    const renewed = await oidc.refreshTokenGrant(config, tokens.refresh_token);
    const living = await oidc.tokenIntrospection(config, renewed.access_token);
    await oidc.tokenRevocation(config, renewed.refresh_token ?? tokens.refresh_token);
    const dead = await oidc.tokenIntrospection(config, renewed.access_token);
    return { sub, told, renewed: renewed.access_token !== tokens.access_token, living, dead };
  },

  async pushed() {
    const config = await discover();
    const dpop = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair("ES256"));
    const tokens = await signIn(config, { pushed: true, dpop });
    const { sub } = tokens.claims();
    const told = await oidc.fetchUserInfo(config, tokens.access_token, sub, { DPoP: dpop });
    const renewed = await oidc.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP: dpop });
    return { sub, told, kind: tokens.token_type, renewed: renewed.token_type };
  },

  async machine() {
    const config = await discover();
    const tokens = await oidc.clientCredentialsGrant(config, { scope });
    return { living: await oidc.tokenIntrospection(config, tokens.access_token) };
  },

  async device() {
    const config = await discover();
    const shown = await oidc.initiateDeviceAuthorization(config, { scope });
    await open(shown.verification_uri_complete ?? shown.verification_uri, { code: shown.user_code });
    const tokens = await oidc.pollDeviceAuthorizationGrant(config, { ...shown, interval: shown.interval ?? 1 });
    const { sub } = tokens.claims();
    return { sub, told: await oidc.fetchUserInfo(config, tokens.access_token, sub) };
  },

  async logout() {
    const config = await discover();
    const tokens = await signIn(config);
    const address = oidc.buildEndSessionUrl(config, {
      id_token_hint: tokens.id_token,
      post_logout_redirect_uri: client.signedOut,
      state: "after",
    });
    return { came: (await open(address.href)).href };
  },
};

try {
  say({ result: await flows[flow]() });
} catch (error) {
  say({ error: `${error.name} ${error.code ?? ""}: ${error.message}`, cause: JSON.stringify(error.cause ?? null) });
}
process.exit(0);
