"""Tests of mcp-trino; importing this package chooses the asyncio reactor."""

from mcp_trino._reactor import require_asyncio_reactor

require_asyncio_reactor()
