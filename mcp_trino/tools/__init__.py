"""What an assistant sees: the MCP server and its tools."""
