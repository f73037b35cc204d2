"""``mcp-trino doctor``: what would keep this server from serving."""
