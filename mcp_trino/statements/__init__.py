"""May this SQL be run: a lexer of Trino SQL and the rules on top of it. Pure."""
