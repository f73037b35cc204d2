"""
The same conversation for every client in Python.

The plan is read from stdin: ``query`` and ``max_rows`` for a result of several
pages, ``values`` for a row of every type, ``broken`` for a statement that fails,
``endless`` for one that has to be ended after ``timeout_seconds``.
"""

import json
import sys
from typing import Any, Protocol


class Session(Protocol):
    """What the clients of all SDK versions have in common."""

    async def list_tools(self) -> Any:
        """Ask for the tools."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], *, progress_callback: Any = None
    ) -> Any:
        """Call one of them."""


async def converse(session: Session, revision: str) -> None:
    """
    Follow the plan and print what came back.

    :param revision: the protocol revision that was agreed on.
    """
    plan = json.load(sys.stdin)
    progress: list[float] = []

    async def call(name: str, **arguments: Any) -> dict[str, Any]:
        async def on_progress(done: float, *_: Any) -> None:
            progress.append(done)

        result = await session.call_tool(name, arguments, progress_callback=on_progress)
        return dict(result.model_dump(by_alias=True, mode="json"))

    listed = await session.list_tools()
    page = await call("execute_query", query=plan["query"], max_rows=plan["max_rows"])
    pages = [page["structuredContent"]]
    while handle := pages[-1].get("next_page"):
        pages.append((await call("fetch_page", page=handle))["structuredContent"])
    values = await call("execute_query", query=plan["values"])
    broken = await call("execute_query", query=plan["broken"])
    progress.clear()
    limit = plan["timeout_seconds"]
    endless = await call("execute_query", query=plan["endless"], timeout_seconds=limit)
    answer = {
        "revision": revision,
        "tools": sorted(tool.name for tool in listed.tools),
        "columns": pages[0]["columns"],
        "pages": [page["rows"] for page in pages],
        "values": values["structuredContent"]["rows"][0],
        "errors": [
            answer["structuredContent"]["error"]
            for answer in (broken, endless)
            if answer["isError"]
        ],
        "progress": len(progress),
    }
    sys.stdout.write(json.dumps(answer) + "\n")
