// The same conversation for every client in JavaScript; the plan and the answer
// are those of conversation.py.
"use strict";

const fs = require("node:fs");

exports.converse = async function (client, call, revision) {
  const plan = JSON.parse(fs.readFileSync(0, "utf8"));
  const { tools } = await client.listTools();
  const result = await call("execute_query", { query: plan.query, max_rows: plan.max_rows });
  const pages = [result.structuredContent];
  for (let page; (page = pages.at(-1).next_page); ) {
    pages.push((await call("fetch_page", { page })).structuredContent);
  }
  const values = await call("execute_query", { query: plan.values });
  const broken = await call("execute_query", { query: plan.broken });
  let progress = 0;
  const endless = await call(
    "execute_query",
    { query: plan.endless, timeout_seconds: plan.timeout_seconds },
    () => (progress += 1),
  );
  const answer = {
    revision,
    tools: tools.map((tool) => tool.name).sort(),
    columns: pages[0].columns,
    pages: pages.map((page) => page.rows),
    values: values.structuredContent.rows[0],
    errors: [broken, endless]
      .filter((result) => result.isError)
      .map((result) => result.structuredContent.error),
    progress,
  };
  await client.close();
  process.stdout.write(JSON.stringify(answer) + "\n");
};
