// A client made with the TypeScript SDK 2: typescript_2.cjs MODE URL, MODE is
// "auto", "legacy", "sse" or a protocol revision.
"use strict";

const {
  Client,
  SSEClientTransport,
  StreamableHTTPClientTransport,
} = require("@modelcontextprotocol/client");
const { converse } = require("./conversation.cjs");

const MODES = { auto: "auto", legacy: "legacy", sse: "legacy" };

async function main(mode, url) {
  const Transport = mode === "sse" ? SSEClientTransport : StreamableHTTPClientTransport;
  const client = new Client(
    { name: "typescript-2", version: "1" },
    { versionNegotiation: { mode: MODES[mode] ?? { pin: mode } } },
  );
  await client.connect(new Transport(new URL(url)));
  const call = (name, args, onprogress) =>
    client.callTool({ name, arguments: args }, { onprogress });
  await converse(client, call, client.getNegotiatedProtocolVersion());
}

main(...process.argv.slice(2));
