"""What ``twistd`` finds; it must import nothing that installs a reactor."""

from twisted.application.service import ServiceMaker

mcp_trino = ServiceMaker(
    "mcp-trino",
    "mcp_trino.tap",
    "Model Context Protocol server for Trino.",
    "mcp-trino",
)
