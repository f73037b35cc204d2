"""The authorization server in front of an identity provider (OAuth 2.1)."""
