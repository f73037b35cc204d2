"""The settings of what statements may do and reach."""

from mcp_trino.config.kinds import BOOLEAN
from mcp_trino.config.name_lists import FUNCTIONS, patterns_of
from mcp_trino.config.setting import Setting

# fmt: off
STATEMENTS = (
    Setting("TRINO_ALLOWED_CATALOGS", patterns_of(1), None,
        to="guard.allowed_catalogs", meaning=
        "the only catalogs of which anything may be seen; see docs/guard.rst"),
    Setting("TRINO_ALLOWED_SCHEMAS", patterns_of(2), None,
        to="guard.allowed_schemas", meaning=
        "the only schemas of which anything may be seen"),
    Setting("TRINO_ALLOWED_TABLES", patterns_of(3), None,
        to="guard.allowed_tables", meaning=
        "the only tables and views that may be read"),
    Setting("TRINO_TABLE_FUNCTIONS", FUNCTIONS, None, meaning=
        "table functions that may be called besides Trino's own; those named query "
        "hand any statement to another system"),
    Setting("TRINO_ALLOW_WRITE_QUERIES", BOOLEAN, "false",
        to="guard.allow_writes", meaning=
        "let the tool execute_statement change data; with OAuth on it takes the scope "
        "for writing, too"),
    Setting("TRINO_READ_ONLY_TRANSACTIONS", BOOLEAN, "false",
        to="guard.read_only_transactions", meaning=
        "run what only reads in a transaction that Trino lets only read: "
        "two more requests for each statement"),
)
# fmt: on
