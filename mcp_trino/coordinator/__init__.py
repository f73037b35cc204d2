"""The way to Trino: transport, queries, pages and values."""
