"""Tests of the documents in reStructuredText."""

from io import StringIO
from pathlib import Path

from docutils.core import publish_doctree
from twisted.trial.unittest import SynchronousTestCase

_ROOT = Path(__file__).parent.parent


class DocumentTests(SynchronousTestCase):
    """README.rst and docs/."""

    def test_markup(self) -> None:
        """All of them can be read without a complaint."""
        documents = [_ROOT / "README.rst", *(_ROOT / "docs").rglob("*.rst")]
        self.assertGreater(len(documents), 4)
        for document in documents:
            complaints = StringIO()
            publish_doctree(
                document.read_text(),
                settings_overrides={"warning_stream": complaints, "report_level": 2},
            )
            self.assertEqual(complaints.getvalue(), "", document.name)
