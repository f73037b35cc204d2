"""The protocol's own conformance suite, against this server's logins."""

import json
import os
import re
import subprocess
from tempfile import TemporaryDirectory
from threading import Timer

from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.sandbox.browser import Browser
from tests.e2e.login import Endpoint
from tests.e2e.npm_programs import npm_programs
from tests.e2e.test_proxy_logins import usual_site
from tests.ports import free_port

_SECONDS = 60
_JSON = {"Content-Type": "application/json"}


class AuthorizationTests(SynchronousTestCase):
    """The suite is a client of the authorization server, and a person is there."""

    def test_suite(self) -> None:
        """All that the suite checks of an authorization server passes."""
        site = usual_site()
        url = f"https://127.0.0.1:{site.port}"
        port = free_port()
        metadata = {
            "redirect_uris": [f"http://127.0.0.1:{port}/callback"],
            "token_endpoint_auth_method": "none",
        }
        registration = Endpoint(f"{url}/oauth/register", site.certificates.authority)
        client = registration.send("POST", json.dumps(metadata), _JSON)
        command = npm_programs().command(
            "conformance",
            "authorization",
            f"--url={url}",
            f"--client-id={client['client_id']}",
            f"--resource={url}/mcp",
            f"--port={port}",
        )
        directory = TemporaryDirectory(prefix="mcp-trino-")
        self.addCleanup(directory.cleanup)
        suite = subprocess.Popen(
            command,
            cwd=directory.name,
            env=os.environ | site.certificates.trust,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        patience = Timer(_SECONDS, suite.kill)
        patience.start()
        self.addCleanup(patience.cancel)
        said = []
        with suite.stdout as output:
            for line in output:
                said.append(line)
                if line.startswith(f"{url}/oauth/authorize?"):
                    trust = str(site.certificates.authority)
                    Browser("alice", trust).visit(line.strip())
        text = "".join(said)
        self.assertEqual(suite.wait(), 0, text)
        self.assertRegex(text, re.compile("^Total: 2 passed, 0 failed", re.MULTILINE))
