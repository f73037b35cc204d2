"""The HTTP edge: routes, the ASGI bridge, limits and pages for people."""
