"""A real Trino and a real Keycloak here, for a first try and for tests."""
