"""What ``twistd`` finds; it must import nothing that installs a reactor."""

from twisted.application.service import ServiceMaker

mcp_trino = ServiceMaker(
    "mcp-trino",
    "mcp_trino.tap",
    "Model Context Protocol server for Trino.",
    "mcp-trino",
)

mcp_trino_introspect = ServiceMaker(
    "mcp-trino introspection",
    "mcp_trino.introspection.tap",
    "Judges tokens for mcp-trino, in a process of its own.",
    "mcp-trino-introspect",
)
