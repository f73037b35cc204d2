"""Tests for ``mcp_trino.introspection``."""
