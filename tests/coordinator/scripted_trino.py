"""A Trino of one page of Python, and threads that run when a test says so."""

import json
from collections import deque
from email.message import Message
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from mcp_trino.coordinator.failures import Transient
from mcp_trino.coordinator.lanes import Lane
from mcp_trino.coordinator.transport import Response

ORIGIN = "http://trino.test:8080"
BIGINT = {"rawType": "bigint", "arguments": []}
WAITING = "waiting"


def columns(*names):
    """Give bigint columns as the protocol describes them."""
    return [{"name": n, "type": "bigint", "typeSignature": BIGINT} for n in names]


def pages(*lengths):
    """Give Trino pages of so many rows each, the rows numbered through."""
    start, result = 0, []
    for length in lengths:
        result.append([[n] for n in range(start, start + length)])
        start += length
    return result


def failing(name="DIVISION_BY_ZERO", error_type="USER_ERROR", **error):
    """Give an answer that ends a query with an error."""
    return {
        "error": {"errorName": name, "errorType": error_type, "message": "no", **error}
    }


@define(eq=False)
class ScriptedTrino:
    """
    Stands in for a ``Transport``: answers each statement by its script.

    A script is a list of answers to GETs: a list of rows, ``WAITING`` for no
    rows yet, or an error. The query has ended after the last. As with Trino,
    the current page can be had again and older ones are gone.

    :ivar scripts: by the text of the statement.
    :ivar analysis: what Trino says that queries are about; statuses and
        analyses in a deque are for one request each.
    :ivar failures: raised or answered instead, one for each request.
    :ivar failures_from: more of them, from the request of a number on.
    :ivar lost: the numbers of the requests whose answer does not arrive.
    :ivar requests: methods and URLs, as they came.
    :ivar deleted: the ids of queries that were canceled.
    :ivar meanwhile: happens once, while the next request is under way.
    """

    clock: Clock
    scripts: dict = field(factory=dict)
    analysis: Any = field(factory=dict)
    failures: deque = field(factory=deque)
    failures_from: dict = field(factory=dict)
    lost: set = field(factory=set)
    requests: list = field(factory=list)
    headers: list = field(factory=list)
    deleted: list = field(factory=list)
    aborted: bool = False
    meanwhile: Any = None
    _queries: dict = field(factory=dict)

    def request(self, method, url, headers, body=None):
        """Answer a request as a coordinator does."""
        self.requests.append((method, url))
        self.headers.append(headers)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        self.failures.extend(self.failures_from.pop(len(self.requests), ()))
        if self.failures:
            failure = self.failures.popleft()
            if isinstance(failure, Exception):
                raise failure
            return answer(*failure)
        response = self._answer(method, url, headers, body)
        if len(self.requests) in self.lost:
            raise Transient("the connection fails")
        return response

    def abort(self):
        """Remember that nothing may be sent any more."""
        self.aborted = True

    def _answer(self, method, url, headers, body):
        if method == "POST":
            return self._register(body.decode(), headers)
        path = url.removeprefix(ORIGIN).partition("?")[0]
        if path == "/v1/info":
            return answer(200, {"nodeVersion": {"version": "476"}})
        if path == "/v1/query":
            return self._queries_in(url.partition("state=")[2])
        if path.startswith("/v1/query/"):
            return self._query(method, path.rpartition("/")[2])
        _, _, _, query_id, token = path.split("/")
        query = self._queries[query_id]
        if method == "DELETE":
            self._cancel(query_id)
            return answer(204)
        return self._page(query_id, query, int(token), url)

    def _register(self, text, headers):
        query_id = f"q{len(self._queries)}"
        self._queries[query_id] = {
            "script": list(self.scripts[text]),
            "token": 0,
            "info": headers["X-Trino-Client-Info"],
            "text": text,
        }
        return answer(200, self._document(query_id, 1))

    def _page(self, query_id, query, token, url):
        if token not in (query["token"], query["token"] + 1):
            return answer(410)
        query["token"] = token
        script = query["script"]
        step = script[token - 1] if token <= len(script) else []
        document = self._document(query_id, token + 1 if token <= len(script) else None)
        if step == WAITING:
            milliseconds = float(url.partition("maxWait=")[2].removesuffix("ms"))
            self.clock.rightNow += milliseconds / 1000
        elif isinstance(step, dict):
            del document["nextUri"]
            document.update(step)
        else:
            document.update(columns=columns("n"), data=step)
        return answer(200, document)

    def _document(self, query_id, token):
        document = {
            "id": query_id,
            "infoUri": "",
            "stats": {"state": "RUNNING", "elapsedTimeMillis": 5},
            "warnings": [],
        }
        if token is not None:
            document["nextUri"] = f"{ORIGIN}/v1/statement/{query_id}/{token}"
        return document

    def _queries_in(self, state):
        found = [
            {
                "queryId": query_id,
                "state": state,
                "query": query["text"],
                "session": {"clientInfo": query["info"]},
                "queryStats": {"createTime": f"2026-01-01T00:00:0{number}Z"},
            }
            for number, (query_id, query) in enumerate(self._queries.items())
            if state == "RUNNING" and query_id not in self.deleted
        ]
        return answer(200, found)

    def _query(self, method, query_id):
        if query_id not in self._queries:
            return answer(404)
        if method == "DELETE":
            self._cancel(query_id)
            return answer(204)
        query = self._queries[query_id]
        state = "FAILED" if query_id in self.deleted else "RUNNING"
        described = {"session": {"clientInfo": query["info"]}, "state": state}
        status, analysis = 200, self.analysis
        if isinstance(analysis, deque):
            status, analysis = analysis.popleft()
        return answer(status, described | analysis)

    def _cancel(self, query_id):
        self.deleted.append(query_id)
        canceled = failing("USER_CANCELED", message="Query was canceled")
        self._queries[query_id]["script"] = [canceled] * 1000


def answer(status, document=None, headers=()):
    """Give a response with a JSON document, or with bytes as they are."""
    message = Message()
    for name, value in headers:
        message[name] = value
    if not isinstance(document, bytes):
        document = b"" if document is None else json.dumps(document).encode()
    return Response(status, message, document)


@define(eq=False)
class HeldLanes:
    """
    Stands in for ``Lanes``: jobs run at once, or one by one when ``held``.

    :ivar ran: the lanes of the jobs that ran.
    """

    held: set = field(factory=set)
    jobs: deque = field(factory=deque)
    ran: list = field(factory=list)
    stopped: bool = False

    def start(self):
        """Nothing to start."""

    def stop(self):
        """Remember that threads were joined."""
        self.stopped = True

    def run(self, lane, job, *args):
        """Queue a job, and run it if its lane is not held."""
        result = Deferred()
        self.jobs.append((lane, job, args, result))
        if lane not in self.held:
            self.go()
        return result

    def go(self):
        """Run the job that came last."""
        lane, job, args, result = self.jobs.pop()
        self.ran.append(lane)
        try:
            value = job(*args)
        except Exception:  # noqa: BLE001 - as threads do
            value = Failure()
        result.callback(value)

    def hold(self, *lanes):
        """Let the jobs of lanes wait for ``go``."""
        self.held = set(lanes or Lane)
