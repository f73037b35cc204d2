"""Tests that put real clients, the real server and a real Trino together."""
