"""Tests of ``statements``."""
