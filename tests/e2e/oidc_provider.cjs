// A certified OpenID provider on loopback: oidc_provider.cjs '{"port", "key", "chain"}'.
//
// It says {"port"} on its standard output once it listens, and answers each line
// of its standard input, a JSON object, with one of its own; see oidc_provider.py.
// It ends with that input.
"use strict";

const { Console } = require("node:console");
const { generateKeyPairSync, randomBytes } = require("node:crypto");
const { readFileSync } = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const { createInterface } = require("node:readline");
const { Provider } = require("oidc-provider");

// The library writes its notices to the standard output otherwise.
globalThis.console = new Console(process.stderr);

const KEY_PAIRS = {
  ES256: ["ec", { namedCurve: "P-256" }],
  EdDSA: ["ed25519", {}],
  PS256: ["rsa", { modulusLength: 2048 }],
  RS256: ["rsa", { modulusLength: 2048 }],
};
const ALGORITHMS = Object.keys(KEY_PAIRS);
const GROUPS = { alice: ["analysts"] };

let generation = 0;

function newKeys() {
  generation += 1;
  return ALGORITHMS.map((alg) => {
    const { privateKey } = generateKeyPairSync(...KEY_PAIRS[alg]);
    const kid = `${alg}-${generation}`;
    return { ...privateKey.export({ format: "jwk" }), alg, kid, use: "sig" };
  });
}

const { port, key, chain } = JSON.parse(process.argv[2]);
const settings = {
  algorithm: "ES256",
  format: "jwt",
  access_seconds: 300,
  audience: null,
  scopes: ["trino:read", "trino:write"],
  rotate_refresh: true,
};
const requests = {};
// What it gave away, and what it was given for that.
const issued = {};
const SECRETS = ["code", "code_verifier", "access_token", "refresh_token", "id_token"];
const cookieKeys = [randomBytes(32).toString("hex")];
let keys = newKeys();
let callback;

const server = key
  ? https.createServer({ key: readFileSync(key), cert: readFileSync(chain) })
  : http.createServer();
server.on("request", (request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  requests[pathname] = (requests[pathname] ?? 0) + 1;
  callback(request, response);
});

const person = (sub) => ({
  sub,
  preferred_username: sub,
  name: sub,
  email: `${sub}@example.com`,
  email_verified: true,
  groups: GROUPS[sub] ?? [],
});

// The library's own store forgets everything with each Provider.
const kept = new Map();

class Adapter {
  constructor(model) {
    this.name = (id) => `${model}:${id}`;
  }

  async upsert(id, payload) {
    kept.set(this.name(id), payload);
  }

  async find(id) {
    return kept.get(this.name(id));
  }

  async findByUid(uid) {
    return [...kept.values()].find((payload) => payload.uid === uid);
  }

  async consume(id) {
    kept.get(this.name(id)).consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    kept.delete(this.name(id));
  }

  async revokeByGrantId(grantId) {
    for (const [name, payload] of kept) {
      if (payload.grantId === grantId) kept.delete(name);
    }
  }
}

// A Provider keeps its keys for good; the next one knows all that this one knew.
function provide() {
  const scheme = key ? "https" : "http";
  const issuer = `${scheme}://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    adapter: Adapter,
    jwks: { keys },
    cookies: { keys: cookieKeys },
    scopes: ["openid", "offline_access", "profile", "email", ...settings.scopes],
    claims: {
      openid: ["sub"],
      profile: ["preferred_username", "name", "groups"],
      email: ["email", "email_verified"],
    },
    conformIdTokenClaims: false,
    findAccount: (_, sub) => ({ accountId: sub, claims: () => person(sub) }),
    extraTokenClaims: (_, token) => token.accountId && person(token.accountId),
    pkce: { required: () => true },
    rotateRefreshToken: () => settings.rotate_refresh,
    issueRefreshToken: (_, client) => client.grantTypeAllowed("refresh_token"),
    enabledJWA: { idTokenSigningAlgValues: ALGORITHMS },
    clientDefaults: { id_token_signed_response_alg: settings.algorithm },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: true },
      introspection: { enabled: true },
      registration: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_, resource) => ({
          audience: settings.audience ?? resource,
          scope: settings.scopes.join(" "),
          accessTokenTTL: settings.access_seconds,
          accessTokenFormat: settings.format,
          jwt: { sign: { alg: settings.algorithm } },
        }),
      },
    },
    clients: [
      {
        client_id: "native",
        application_type: "native",
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token"],
        redirect_uris: ["http://127.0.0.1/callback"],
      },
      {
        client_id: "service",
        client_secret: "service-secret",
        grant_types: ["client_credentials"],
        response_types: [],
        redirect_uris: [],
      },
    ],
  });
  for (const event of ["server_error", "authorization.error", "grant.error",
    "introspection.error", "revocation.error", "registration_create.error"]) {
    provider.on(event, (_, error) => console.error(event, error));
  }
  provider.on("grant.success", ({ oidc, body }) => {
    for (const said of [oidc.params, body]) {
      for (const name of SECRETS) {
        if (said[name]) (issued[name] ??= []).push(said[name]);
      }
    }
  });
  callback = provider.callback();
}

const COMMANDS = {
  // New keys sign from now on, the old ones are still published.
  rotate: () => {
    keys = [...newKeys(), ...keys];
    provide();
  },
  // Only the newest keys are published.
  retire: () => {
    keys = keys.slice(0, ALGORITHMS.length);
    provide();
  },
  set: (values) => {
    Object.assign(settings, values);
    provide();
  },
  requests: () => requests,
  issued: () => issued,
  // Nothing of that kind is known any more, for example no AccessToken.
  forget: (model) => {
    for (const name of kept.keys()) {
      if (name.startsWith(`${model}:`)) kept.delete(name);
    }
  },
};

server.listen(port, "127.0.0.1", () => {
  provide();
  answer({ port: server.address().port });
});

function answer(value) {
  process.stdout.write(JSON.stringify(value) + "\n");
}

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [[command, value]] = Object.entries(JSON.parse(line));
    answer(COMMANDS[command](value) ?? {});
  })
  .on("close", () => process.exit(0));
