"""Tests of ``mcp_trino.tools.arguments``."""

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.errors import InvalidArgument
from mcp_trino.tools.arguments import Argument, checked, input_schema

ARGUMENTS = (
    Argument("query", "string", required=True),
    Argument("format", "string", choices=("IO", "LOGICAL")),
    Argument("max_rows", "integer", "Rows.", minimum=1, maximum=1000),
    Argument("timeout_seconds", "number", minimum=1, maximum=300),
)

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 1500),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(("io", "IO", "LOGICAL", "5")),
    st.lists(st.integers(), max_size=2),
)


class CheckedTests(SynchronousTestCase):
    """What a model may pass, and what it is told when it passes something else."""

    def refusal(self, **arguments: object) -> str:
        """Give the message for arguments that are refused."""
        error = self.assertRaises(InvalidArgument, checked, ARGUMENTS, arguments)
        return str(error)

    def test_good(self) -> None:
        """Good values come back as the tool wants them, nothing else is added."""
        given = {"query": "q", "format": "io", "max_rows": 5.0, "timeout_seconds": 2}
        self.assertEqual(
            checked(ARGUMENTS, given),
            {"query": "q", "format": "IO", "max_rows": 5, "timeout_seconds": 2},
        )

    def test_left_out(self) -> None:
        """Null and the empty string stand for an optional argument left out."""
        given = {"query": "q", "format": "", "max_rows": None}
        self.assertEqual(checked(ARGUMENTS, given), {"query": "q"})

    def test_missing(self) -> None:
        """A required argument is named when it is not there or empty."""
        for empty in ({}, {"query": ""}, {"query": None}):
            self.assertEqual(self.refusal(**empty), "the argument query is missing")

    def test_unknown(self) -> None:
        """An unknown argument is refused with the names of the known ones."""
        self.assertEqual(
            self.refusal(sql="q"),
            "unknown argument 'sql'; this tool takes: "
            "query, format, max_rows, timeout_seconds",
        )
        error = self.assertRaises(InvalidArgument, checked, (), {"x": 1})
        self.assertIn("takes: no arguments", str(error))

    def test_wrong_type(self) -> None:
        """A value of another type is refused with the type that is wanted."""
        self.assertEqual(
            self.refusal(query="q", max_rows="5"),
            "max_rows must be a whole number, not the string '5'",
        )
        for value in (True, 1.5, [1], {}):
            self.assertIn("must be a whole", self.refusal(query="q", max_rows=value))
        self.assertEqual(self.refusal(query=1), "query must be a string, not 1")

    def test_half_of_a_character(self) -> None:
        """A text that cannot be sent to Trino is refused, not an internal error."""
        error = self.assertRaises(
            InvalidArgument, checked, ARGUMENTS, {"query": "a\ud800"}
        )
        self.assertIn("query has half of a surrogate pair", str(error))

    def test_out_of_range(self) -> None:
        """A number out of range and an unknown choice are told what there is."""
        self.assertEqual(
            self.refusal(query="q", max_rows=1001),
            "max_rows must be from 1 to 1000, not 1001",
        )
        self.assertIn(
            "from 1 to 300", self.refusal(query="q", timeout_seconds=float("nan"))
        )
        self.assertEqual(
            self.refusal(query="q", format="DOT"),
            "format must be one of IO, LOGICAL, not 'DOT'",
        )

    def test_long_value(self) -> None:
        """A long value is not repeated whole."""
        self.assertLess(len(self.refusal(query="q", max_rows="5" * 9999)), 150)

    @given(
        st.dictionaries(
            st.sampled_from([argument.name for argument in ARGUMENTS]), VALUES
        )
    )
    def test_agrees_with_schema(self, given: dict[str, object]) -> None:
        """What the listed schema allows is accepted, but for an empty required one."""
        schema = input_schema(ARGUMENTS)
        Draft202012Validator.check_schema(schema)
        valid = Draft202012Validator(schema).is_valid(given) and given["query"] != ""
        try:
            values = checked(ARGUMENTS, given)
        except InvalidArgument:
            self.assertFalse(valid)
        else:
            self.assertTrue(Draft202012Validator(schema).is_valid(values))


class InputSchemaTests(SynchronousTestCase):
    """The schema that is listed."""

    def test_lean(self) -> None:
        """Only what says something is in it."""
        schema = input_schema((Argument("table", "string"), ARGUMENTS[2]))
        self.assertEqual(
            schema,
            {
                "type": "object",
                "properties": {
                    "table": {"type": "string"},
                    "max_rows": {
                        "type": "integer",
                        "description": "Rows.",
                        "minimum": 1,
                        "maximum": 1000,
                    },
                },
                "additionalProperties": False,
            },
        )
