"""Tests of the store in a database."""
