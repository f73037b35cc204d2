"""Tests of ``mcp_trino.oauth``."""
