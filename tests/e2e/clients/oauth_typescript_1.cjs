// A client with OAuth made with the TypeScript SDK 1: oauth_typescript_1.cjs MODE
// URL, MODE is "streamable" or "sse".
"use strict";

const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { SSEClientTransport } = require("@modelcontextprotocol/sdk/client/sse.js");
const {
  StreamableHTTPClientTransport,
} = require("@modelcontextprotocol/sdk/client/streamableHttp.js");
const { serve } = require("./oauth_session.cjs");

const [mode, url] = process.argv.slice(2);
const Transport = mode === "sse" ? SSEClientTransport : StreamableHTTPClientTransport;

serve(
  (authProvider) => ({
    client: new Client({ name: "typescript-1", version: "1" }),
    transport: new Transport(new URL(url), { authProvider }),
  }),
  (transport, answer) => transport.finishAuth(answer.get("code")),
);
