"""Tests of mcp-trino; importing this package chooses the asyncio reactor."""

import signal

from hypothesis import settings

from mcp_trino._reactor import require_asyncio_reactor

require_asyncio_reactor()

# A busy machine is slow, and examples are not worth a directory of files.
settings.register_profile("mcp-trino", deadline=None, database=None)
settings.load_profile("mcp-trino")

# A shell lets its background jobs ignore it, and the processes that tests start
# and interrupt would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
