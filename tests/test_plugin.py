"""Tests of the plugin by which ``twistd`` finds the server."""

from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mcp_trino import tap
from twisted.plugins import mcp_trino_plugin


class PluginTests(SynchronousTestCase):
    """``twistd mcp-trino``."""

    def test_found(self) -> None:
        """It is among the plugins, and makes services."""
        names = [plugin.tapname for plugin in getPlugins(IServiceMaker)]
        self.assertEqual(names.count("mcp-trino"), 1)
        verifyObject(IServiceMaker, mcp_trino_plugin.mcp_trino)

    def test_leads_to_the_tap(self) -> None:
        """It leads to the options and the service."""
        self.assertIs(mcp_trino_plugin.mcp_trino.options, tap.Options)
        self.assertIs(mcp_trino_plugin.mcp_trino.makeService, tap.makeService)
