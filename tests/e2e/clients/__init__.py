"""Programs that are clients of the server; each prints what it got as JSON."""
