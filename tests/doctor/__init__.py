"""Tests of ``mcp_trino.doctor``."""
