"""
An MCP server for Trino on Twisted.

This package imports nothing by itself: the asyncio reactor has to be chosen
before some of the modules below are loaded (see ``_reactor``).
"""
