"""What a refused statement is answered: why it is, and what to send instead."""

from mcp_trino.statements.lexer import Kind, Token

_ADVICE = {
    **dict.fromkeys(
        ("INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE"),
        "changes data, and this server only reads. "
        "To see the rows concerned, write a SELECT.",
    ),
    **dict.fromkeys(
        ("CREATE", "DROP", "ALTER", "COMMENT"),
        "changes definitions, and this server only reads. To name an intermediate "
        "result, use a WITH clause; to see a definition, SHOW CREATE TABLE.",
    ),
    **dict.fromkeys(
        ("GRANT", "REVOKE", "DENY"),
        "changes permissions, and this server only reads. "
        "SHOW GRANTS lists the present ones.",
    ),
    "ANALYZE": (
        "stores statistics, and this server only reads. "
        "SHOW STATS FOR shows the present ones."
    ),
    "REFRESH": (
        "rewrites a materialized view, and this server only reads. "
        "Write a SELECT from the view."
    ),
    "CALL": (
        "runs a procedure, which may change anything, and this server only reads. "
        "Look for a table that has the information, perhaps in catalog system."
    ),
    **dict.fromkeys(
        ("USE", "SET", "RESET"),
        "would be forgotten at once, since each call is a session of its own. Pass "
        "catalog and schema as arguments or write full names; for another time "
        "zone write AT TIME ZONE.",
    ),
    **dict.fromkeys(
        ("START", "COMMIT", "ROLLBACK"),
        "has no use here, since each statement is a transaction of its own. "
        "Leave it out.",
    ),
    **dict.fromkeys(
        ("PREPARE", "EXECUTE", "DEALLOCATE", "DESCRIBE INPUT", "DESCRIBE OUTPUT"),
        "is about prepared statements, and there are none here. Send the statement "
        "itself with its values written into it.",
    ),
}

_PASS_THROUGH = frozenset({"query", "raw_query", "procedure", "query_range"})


def head_refused(head: Token, *, explained: bool) -> str:
    """
    Answer a statement that does not begin like one that reads.

    :param explained: whether it stands after ``EXPLAIN``.
    """
    if head.kind is Kind.END or head.keyword == ";":
        return (
            "After EXPLAIN a statement is missing."
            if explained
            else "The statement is empty."
        )
    if head.keyword not in _ADVICE:
        return (
            f"{shown(head)} does not begin a statement that reads. "
            "Begin with SELECT, WITH, VALUES, TABLE, SHOW, DESCRIBE or EXPLAIN."
        )
    if explained:
        return (
            f"{word_refused(head.keyword)} "
            "EXPLAIN of it is refused too: some connectors begin to act on that."
        )
    return word_refused(head.keyword)


def not_a_write(head: Token) -> str:
    """Answer a statement that changes nothing where only that is expected."""
    if head.kind is Kind.END or head.keyword == ";":
        return "The statement is empty."
    if head.keyword in _ADVICE:
        return f"{head.keyword} {_ADVICE[head.keyword]}"
    return f"{shown(head)} changes nothing. Call execute_query, or explain_query."


def word_refused(word: str) -> str:
    """Answer a statement of a known kind that does not read."""
    return f"{word} {_ADVICE[word]}"


def function_refused(name: tuple[str, ...], listed: list[str]) -> str:
    """Answer the call of a table function that is not on the list."""
    dotted = ".".join(name)
    if name[-1] in _PASS_THROUGH:
        return (
            f"The table function {dotted} hands its text to another system, unread "
            "by this server. Write the query in Trino's SQL on tables of the catalog."
        )
    return (
        f"The table function {dotted} is not among those that may be called here: "
        f"{', '.join(listed)}. Write the query on tables instead."
    )


def shown(token: Token) -> str:
    """Give a token's text, a long one cut."""
    limit = 40
    return token.text if len(token.text) <= limit else f"{token.text[:limit]}…"


CALL_STATEMENT = "This changes something. Call execute_statement with it."
SEE_LISTS = "list_catalogs, list_schemas and list_tables name what may be seen."


def kept_away(*name: str) -> str:
    """
    Answer a name that is not on the lists, whether or not there is such a thing.

    :param name: one to three parts, the catalog first.
    """
    what = ("catalogs", "schemas", "tables")[len(name) - 1]
    return (
        f"{'.'.join(name)} is not among the {what} that may be seen here. {SEE_LISTS}"
    )
