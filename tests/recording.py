"""An audit record that tests can read."""

from typing import Any

from attrs import define, field
from zope.interface import implementer

from mcp_trino.errors import AuditUnwritable
from mcp_trino.interfaces import IAudit
from mcp_trino.principal import Principal


@implementer(IAudit)
@define
class RecordingAudit:
    """
    Keeps records as dictionaries.

    :ivar broken: nothing can be recorded.
    """

    records: list[dict[str, Any]] = field(factory=list)
    broken: bool = False

    def require(self) -> None:
        """See ``IAudit``."""
        if self.broken:
            raise AuditUnwritable("no room")

    def record(self, event: str, principal: Principal | None, **details: Any) -> None:
        """See ``IAudit``."""
        self.require()
        known = {name: value for name, value in details.items() if value is not None}
        self.records.append({"event": event, "principal": principal, **known})
