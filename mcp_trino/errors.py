"""
The exceptions that cross rooms, one for each decision of the caller.

None of them carries a secret: their text may be shown to the assistant that
asked, except that of ``CoordinatorRefused``, which is for the operator.
"""

from attrs import frozen


@frozen
class ConfigurationError(Exception):
    """
    The settings have no meaning together: do not start, show every problem.

    :ivar problems: one sentence for each, naming the setting.
    """

    problems: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.problems)


@frozen
class AccessDenied(Exception):
    """
    An HTTP request is refused before its body is read: send this answer.

    Only a decision is reported this way. An authenticator that cannot decide
    raises anything else, and the request is answered 503.

    :ivar status: 400, 401 or 403.
    :ivar headers: names and values, ``WWW-Authenticate`` among them.
    :ivar body: JSON for the client; shown to people, so without a secret.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str

    def __str__(self) -> str:
        return f"{self.status} {self.body}"


@frozen
class Undecidable(Exception):
    """
    Nobody can say now whether a token holds: answer 503, never 401 and never yes.

    :ivar message: for the operator's log, without the token.
    :ivar retry_after_seconds: when it may be worth asking again.
    """

    message: str
    retry_after_seconds: int = 2

    def __str__(self) -> str:
        return self.message


@frozen
class AuditUnwritable(Exception):
    """What happens cannot be recorded: do not let it happen."""

    message: str

    def __str__(self) -> str:
        return self.message


@frozen
class UnknownClient(Exception):
    """
    No OAuth client can be taken for that ``client_id``: show a page and
    redirect nowhere, or answer ``invalid_client`` at the token endpoint.

    :ivar message: why, for the person who reads the page; never what a client
        or its document wrote.
    """

    message: str

    def __str__(self) -> str:
        return self.message


@frozen
class InvalidArgument(Exception):
    """A tool's argument has no meaning: the assistant corrects it and calls again."""

    message: str

    def __str__(self) -> str:
        return self.message


@frozen
class StatementRefused(Exception):
    """
    This server does not run that statement: the assistant has to write another.

    :ivar message: which word, and what to do instead.
    :ivar line: line of the offending token, from 1.
    :ivar column: column of the offending token, from 1.
    """

    message: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"line {self.line}:{self.column}: {self.message}"


@frozen
class StatementFailed(Exception):
    """
    Trino ran the statement and says no: the assistant reads why.

    :ivar name: Trino's error name, for example ``COLUMN_NOT_FOUND``.
    :ivar type: ``USER_ERROR``, ``INTERNAL_ERROR``, ``INSUFFICIENT_RESOURCES``
        or ``EXTERNAL``.
    :ivar message: Trino's message, its ``line n:m:`` prefix taken off.
    :ivar line: line of the error from 1, ``None`` when Trino gives none.
    :ivar column: column of the error from 1.
    :ivar hint: what may have been meant, where somebody could find out.
    """

    name: str
    type: str
    message: str
    query_id: str | None = None
    line: int | None = None
    column: int | None = None
    hint: str | None = None

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


@frozen
class TimedOut(Exception):
    """The query took longer than it may; it was canceled at Trino. Ask for less."""

    seconds: float
    query_id: str | None = None

    def __str__(self) -> str:
        return f"the query was canceled after {self.seconds:g} s"


@frozen
class QueryCanceled(Exception):
    """Somebody canceled the query: its owner, an administrator or a shutdown."""

    message: str
    query_id: str | None = None

    def __str__(self) -> str:
        return self.message


@frozen
class Busy(Exception):
    """All places are taken and the queue is full: try again after a while."""

    message: str
    retry_after_seconds: int

    def __str__(self) -> str:
        return self.message


@frozen
class PageGone(Exception):
    """
    The handle names nothing that this principal may read.

    It was never given out, belongs to somebody else, its time has passed or
    its result was read on: run the statement again.
    """

    message: str

    def __str__(self) -> str:
        return self.message


@frozen
class QueryNotFound(Exception):
    """No query of this principal has that id: it never had, or it is long over."""

    query_id: str

    def __str__(self) -> str:
        return f"no query of yours has the id {self.query_id}"


@frozen
class CoordinatorUnreachable(Exception):
    """Trino does not answer or starts up: nothing is known, try again later."""

    message: str

    def __str__(self) -> str:
        return self.message


@frozen
class CoordinatorRefused(Exception):
    """
    Trino does not accept this server's own credential: the operator must act.

    :ivar status: the HTTP status that Trino answered, 401 also when there is
        no credential to show.
    :ivar message: for the operator's log; the assistant is told only that the
        server's access to Trino is refused.
    """

    status: int
    message: str

    def __str__(self) -> str:
        return self.message


@frozen
class NoTrinoUser(Exception):
    """
    The principal has no user of her own at Trino, and never gets another's.

    :ivar message: for her: what is missing and who can change it.
    """

    message: str

    def __str__(self) -> str:
        return self.message


@frozen
class SandboxUnavailable(Exception):
    """
    This machine lacks what the sandbox needs: a package, disk or the network.

    :ivar message: what is missing and what to do about it.
    """

    message: str

    def __str__(self) -> str:
        return self.message


@frozen
class SandboxFailed(Exception):
    """
    The sandbox did not start, or ended by itself: read why in its message.

    :ivar message: what happened, with the last lines of the server's log.
    """

    message: str

    def __str__(self) -> str:
        return self.message
