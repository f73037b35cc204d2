"""The worker that parses foreign tokens and documents, and the web's way to ask it."""
