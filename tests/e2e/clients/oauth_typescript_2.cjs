// A client with OAuth made with the TypeScript SDK 2: oauth_typescript_2.cjs MODE
// URL, MODE is "auto" or "legacy".
"use strict";

const { Client, StreamableHTTPClientTransport } = require("@modelcontextprotocol/client");
const { serve } = require("./oauth_session.cjs");

const [mode, url] = process.argv.slice(2);

serve(
  (authProvider) => ({
    client: new Client(
      { name: "typescript-2", version: "1" },
      { versionNegotiation: { mode } },
    ),
    transport: new StreamableHTTPClientTransport(new URL(url), { authProvider }),
  }),
  (transport, answer) => transport.finishAuth(answer),
);
