// A client made with the TypeScript SDK 1: typescript_1.cjs MODE URL, MODE is
// "streamable" or "sse".
"use strict";

const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { SSEClientTransport } = require("@modelcontextprotocol/sdk/client/sse.js");
const {
  StreamableHTTPClientTransport,
} = require("@modelcontextprotocol/sdk/client/streamableHttp.js");
const { converse } = require("./conversation.cjs");

async function main(mode, url) {
  const Transport = mode === "sse" ? SSEClientTransport : StreamableHTTPClientTransport;
  const transport = new Transport(new URL(url));
  const client = new Client({ name: "typescript-1", version: "1" });
  await client.connect(transport);
  const call = (name, args, onprogress) =>
    client.callTool({ name, arguments: args }, undefined, { onprogress });
  await converse(client, call, transport.protocolVersion ?? null);
}

main(...process.argv.slice(2));
