"""Tests of the plugin by which ``twistd`` finds the server."""

from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mcp_trino import tap
from mcp_trino.introspection import tap as worker_tap
from twisted.plugins import mcp_trino_plugin


class PluginTests(SynchronousTestCase):
    """``twistd mcp-trino``."""

    def test_found(self) -> None:
        """It is among the plugins, and makes services."""
        names = [plugin.tapname for plugin in getPlugins(IServiceMaker)]
        self.assertEqual(names.count("mcp-trino"), 1)
        verifyObject(IServiceMaker, mcp_trino_plugin.mcp_trino)

    def test_worker(self) -> None:
        """The worker is another plugin, and leads to its own options."""
        maker = mcp_trino_plugin.mcp_trino_introspect
        names = [plugin.tapname for plugin in getPlugins(IServiceMaker)]
        self.assertEqual(names.count(maker.tapname), 1)
        verifyObject(IServiceMaker, maker)
        self.assertIs(maker.options, worker_tap.Options)

    def test_leads_to_the_tap(self) -> None:
        """It leads to the options and the service."""
        self.assertIs(mcp_trino_plugin.mcp_trino.options, tap.Options)
        self.assertIs(mcp_trino_plugin.mcp_trino.makeService, tap.makeService)
