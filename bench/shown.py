"""How many bytes a model gets to read: every one costs."""

import json
from contextlib import closing
from typing import Any

from bench.contenders import Bench
from bench.references import Floor
from bench.report import Row

_BARE = "rows alone"
_RESULTS = (
    (
        Row("shown to a model: 25 rows of nation", "bytes", (_BARE,)),
        "SELECT * FROM tpch.tiny.nation",
        "execute_query",
        {"query": "SELECT * FROM tpch.tiny.nation"},
    ),
    (
        Row("shown to a model: 100 rows of orders", "bytes", (_BARE,)),
        "SELECT * FROM tpch.tiny.orders ORDER BY orderkey LIMIT 100",
        "execute_query",
        {
            "query": "SELECT * FROM tpch.tiny.orders ORDER BY orderkey LIMIT 100",
            "max_rows": 100,
        },
    ),
    (
        Row("shown to a model: the columns of orders", "bytes", (_BARE,)),
        "DESCRIBE tpch.tiny.orders",
        "get_table_schema",
        {"table": "tpch.tiny.orders"},
    ),
)
_TOOLS = Row("shown to a model: name, description, input of all tools", "bytes")


def bytes_shown(bench: Bench) -> None:
    """Count the bytes of both forms of an answer; they differ in no round."""
    with closing(bench.mcp()) as client, closing(Floor(bench.coordinator)) as floor:
        for row, sql, tool, arguments in _RESULTS:
            result = client.result(tool, **arguments)
            text = "".join(block["text"] for block in result["content"])
            bench.table.add(row, _BARE, _size(floor.ask(sql)))
            bench.table.add(row, "text", len(text.encode()))
            bench.table.add(row, "structured", _size(result["structuredContent"]))
        tools = client.request("tools/list", {})["tools"]
        shown = [
            [tool["name"], tool.get("description"), tool["inputSchema"]]
            for tool in tools
        ]
        bench.table.add(_TOOLS, f"{len(tools)} tools", _size(shown))


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
