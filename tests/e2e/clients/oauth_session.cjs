// A session of a client in JavaScript that logs in by OAuth.
//
// Each line of its standard input, {"name", "arguments"}, is a call of a tool; each
// line of its standard output is what came of it. BROWSER names the program that
// is shown pages to.
"use strict";

const { execFile } = require("node:child_process");
const { randomUUID } = require("node:crypto");
const http = require("node:http");
const { createInterface } = require("node:readline");
const { promisify } = require("node:util");

class Login {
  #answer;
  #information;
  #tokens;
  #verifier;
  #verifiers = new Map();

  async listen() {
    this.server = http.createServer((request, response) => {
      this.#answer = new URL(request.url, this.redirectUrl).searchParams;
      response.end("You are logged in.");
    });
    await promisify(this.server.listen.bind(this.server))(0, "127.0.0.1");
  }

  // What came back from the last login, once, and its verifier: a client that is
  // refused twice at a time begins two logins.
  take() {
    const answer = this.#answer;
    this.#answer = undefined;
    if (answer !== undefined) this.#verifier = this.#verifiers.get(answer.get("state"));
    return answer;
  }

  state() {
    return randomUUID();
  }

  get redirectUrl() {
    return `http://127.0.0.1:${this.server.address().port}/callback`;
  }

  get clientMetadata() {
    return {
      client_name: "mcp-trino's tests",
      redirect_uris: [this.redirectUrl],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    };
  }

  clientInformation() {
    return this.#information;
  }

  saveClientInformation(information) {
    this.#information = information;
  }

  tokens() {
    return this.#tokens;
  }

  saveTokens(tokens) {
    this.#tokens = tokens;
  }

  saveCodeVerifier(verifier) {
    this.#verifier = verifier;
  }

  codeVerifier() {
    return this.#verifier;
  }

  invalidateCredentials(scope) {
    if (scope !== "verifier") this.#tokens = undefined;
    if (scope === "all" || scope === "client") this.#information = undefined;
  }

  async redirectToAuthorization(url) {
    this.#verifiers.set(url.searchParams.get("state"), this.#verifier);
    await promisify(execFile)(process.env.BROWSER, [url.href]);
  }
}

// make(login) gives {client, transport}, finish(transport, answer) redeems a code.
exports.serve = async function (make, finish) {
  const login = new Login();
  await login.listen();
  let session;

  async function connected() {
    session = make(login);
    await session.client.connect(session.transport);
  }

  async function loggedIn(work) {
    try {
      return await work();
    } catch (error) {
      const answer = login.take();
      if (answer === undefined) throw error;
      await finish(session.transport, answer);
      return await work();
    }
  }

  for await (const line of createInterface({ input: process.stdin })) {
    let answer;
    try {
      if (session === undefined) await loggedIn(connected);
      answer = await loggedIn(() => session.client.callTool(JSON.parse(line)));
    } catch (error) {
      answer = { error: `${error}` };
    }
    process.stdout.write(JSON.stringify(answer) + "\n");
  }
  await session?.client.close();
  login.server.close();
};
