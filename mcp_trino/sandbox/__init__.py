"""A real Trino on this machine, for a first try and for tests."""
