"""
Tests that take long: real parts with configurations of their own.

Their modules begin with ``slow_``, so that they only run when they are named.
"""
