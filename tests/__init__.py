"""Tests of mcp-trino; importing this package chooses the asyncio reactor."""

from hypothesis import settings

from mcp_trino._reactor import require_asyncio_reactor

require_asyncio_reactor()

# A busy machine is slow, and examples are not worth a directory of files.
settings.register_profile("mcp-trino", deadline=None, database=None)
settings.load_profile("mcp-trino")
