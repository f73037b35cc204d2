"""Tests of ``mcp_trino.oauth.admission``."""

from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.oauth.admission import make_admission
from mcp_trino.principal import Principal, client_mark
from mcp_trino.settings import AdmissionSettings
from tests.web.tokens import active


def admitted(rules: dict[str, Any], **said: Any) -> Principal:
    """Give who somebody is by these rules."""
    return make_admission(AdmissionSettings(**rules), Clock()).admit(active(**said))


class AdmissionTests(SynchronousTestCase):
    """The rules of the operator."""

    def test_no_rules(self) -> None:
        """Without rules everybody whose token holds may enter."""
        self.assertEqual(admitted({}).refusal, "")

    def test_name(self) -> None:
        """The name is the user name, else the address, else the subject."""
        self.assertEqual(admitted({}, username="a", email="b@c").name, "a")
        self.assertEqual(admitted({}, username="", email="b@c").name, "b@c")
        self.assertEqual(admitted({}, username="", email="").name, "ada")

    def test_each_rule(self) -> None:
        """Each rule has to be met, and says what was not."""
        for rules, met, missed, part in (
            (
                {"domains": ("example.com",)},
                {"email": "ada@Example.com"},
                {"email": "ada@example.com.evil"},
                "e-mail",
            ),
            ({"domains": ("example.com",)}, {"email": "a@example.com"}, {}, "e-mail"),
            (
                {"domains": ("example.com",)},
                {"email": "a@example.com"},
                {"email": "example.com"},
                "e-mail",
            ),
            ({"tenants": ("t",)}, {"tenant": "t"}, {"tenant": "u"}, "not one of"),
            ({"tenants": ("t",)}, {"tenant": "t"}, {}, "not one of"),
            ({"subjects": ("ada",)}, {}, {"subject": "eve"}, "not one of"),
            ({"clients": ("claude",)}, {}, {"client_id": "x"}, "application"),
            ({"groups": ("a", "b")}, {"groups": ("b",)}, {"groups": ("c",)}, "group"),
            ({"groups": ("a", "b")}, {"groups": ("b",)}, {}, "group"),
        ):
            self.assertEqual(admitted(rules, **met).refusal, "")
            self.assertIn(part, admitted(rules, **missed).refusal)

    def test_any_tenant(self) -> None:
        """Any tenant is any, also none."""
        self.assertEqual(admitted({"tenants": ("*",)}, tenant="x").refusal, "")

    def test_all_rules(self) -> None:
        """Of several rules all have to be met."""
        rules = {"subjects": ("ada",), "groups": ("a",)}
        self.assertEqual(admitted(rules, groups=("a",)).refusal, "")
        self.assertIn("group", admitted(rules).refusal)

    def test_g055_too_many_groups(self) -> None:
        """Groups that the token leaves out are not taken for none, nor for all."""
        rules = {"groups": ("a",)}
        refusal = admitted(rules, groups_complete=False).refusal
        self.assertIn("so many groups", refusal)
        self.assertEqual(
            admitted(rules, groups=("a",), groups_complete=False).refusal, ""
        )
        self.assertEqual(admitted({}, groups_complete=False).refusal, "")

    def test_services(self) -> None:
        """A service without a person needs a Trino user, and is called by it."""
        rules = {"services": (("job", "etl"),)}
        service = admitted(rules, is_person=False, client_id="job")
        self.assertEqual((service.name, service.refusal), ("etl", ""))
        self.assertFalse(service.is_person)
        refusal = admitted(rules, is_person=False, client_id="other").refusal
        self.assertIn("'other' acts for no person", refusal)
        self.assertIn("no person", admitted({}, is_person=False).refusal)

    def test_recognized(self) -> None:
        """Whom this server let in itself is asked no second time."""
        admission = make_admission(AdmissionSettings(groups=("a",)), Clock())
        self.assertEqual(admission.recognize(active()).refusal, "")


class BlockedTests(SynchronousTestCase):
    """Who may not enter whatever else holds."""

    def test_client(self) -> None:
        """A client is blocked by its id, or by what the record calls it."""
        client_id = "sealed" * 50
        for names, is_blocked in (
            ((client_id,), True),
            ((client_mark(client_id),), True),
            ((client_mark(f"{client_id}."),), False),
        ):
            admission = make_admission(AdmissionSettings(blocked=names), Clock())
            principal = admission.admit(active(client_id=client_id))
            self.assertEqual(admission.is_blocked(principal), is_blocked, names)
            rules = {"clients": names}
            refusal = admitted(rules, client_id=client_id).refusal
            self.assertEqual(refusal == "", is_blocked, names)

    def test_file(self) -> None:
        """A name that begins like a comment in its middle is a name."""
        path = Path(self.mktemp())
        path.write_text("# left\n\n eve_example.com#EXT#@corp \n")
        settings = AdmissionSettings(blocked=("bob",), blocked_file=path)
        blocked = make_admission(settings, Clock()).blocked
        self.assertIn("eve_example.com#EXT#@corp", blocked)
        self.assertIn("bob", blocked)
        self.assertNotIn("", blocked)
        self.assertNotIn("# left", blocked)
