"""Hypothesis strategies for texts of SQL and of what looks like SQL."""

from hypothesis import strategies as st

_SCRAPS = (
    *("'", "''", '"', '""', "`", "--", "-", "/*", "*/", "/", "*", "$$", "$"),
    *("X'", "x'", "U&'", "u&", "1", "0x", "1_0", "1e5", "e+", ".", ".."),
    *("(", ")", "{", "{-", "-}", "}", "[", "]", "|", "||", "^", "?", ":", "=>", "->"),
    *("=", "<", ">", "!", "!=", ",", "+", "%", ";", "a", "SELECT", "insert", "table"),
    *("WITH", "session", "é", "😀", "\\", "#", "@", "\u017f"),
    *(" ", "\t", "\r", "\n", "\r\n", "\0", "\v", "\xa0"),
)

fragments = st.lists(st.sampled_from(_SCRAPS), max_size=12).map("".join)
"""Scraps of tokens in any order, most of them no SQL."""

comments = st.sampled_from(
    (
        "/**/",
        "/* ' */",
        '/* " */',
        "/* ; */",
        "/*/* $$ */",
        "--\n",
        "-- ' \r",
        "--*/\r\n",
    )
)

trivia = st.lists(comments | st.sampled_from((" ", "\t", "\r", "\n")), max_size=4).map(
    "".join
)
"""Blanks and comments, some of which would mislead another lexer."""

_contents = st.lists(
    st.sampled_from(
        ("'", '"', "--", "/*", "*/", "\n", "\r", ";", "$$", "\\", "é", "a ")
    ),
    max_size=6,
).map("".join)

strings = _contents.map(lambda text: "'" + text.replace("'", "''") + "'")
"""String literals."""

quoted_names = _contents.map(lambda text: '"n' + text.replace('"', '""') + '"')
"""Quoted names."""
