"""The settings: one table of them, and how their values are found and checked."""
