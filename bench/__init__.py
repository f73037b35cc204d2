"""Ratios of this server to the raw ``trino`` client and to the floor below it."""
