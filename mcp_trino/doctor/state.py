"""What this server's own logins are kept in: keys and grants."""

from typing import Any

from twisted.internet.defer import succeed

from mcp_trino.database.opening import open_store
from mcp_trino.doctor.finding import Finding, bad, fine
from mcp_trino.errors import ConfigurationError, Undecidable
from mcp_trino.oauth.keyring import make_keyring
from mcp_trino.settings import OAuthSettings, ProxySettings

_KEYS = "own keys"
_STORE = "store"


def examine_keys(
    reactor: Any, settings: OAuthSettings, proxy: ProxySettings
) -> Finding:
    """Read the keys, as the server does at its start, which may make the first."""
    public_file = settings.worker.own_keys_file
    if public_file is None:
        return bad(_KEYS, "OAUTH_STATE_DIRECTORY is needed")
    longest = proxy.access_seconds + settings.worker.leeway_seconds
    try:
        keyring = make_keyring(
            proxy, public_file, longest, reactor, lambda read: succeed(read())
        )
        keyring.startService()
        keyring.stopService()
    except (ConfigurationError, OSError) as error:
        return bad(_KEYS, str(error))
    place = "OAUTH_KEYS" if proxy.keys else proxy.state_directory
    return fine(_KEYS, f"{len(keyring.signing.public()['keys'])} in {place}")


async def examine_store(reactor: Any, proxy: ProxySettings) -> Finding:
    """Look something up."""
    place = proxy.state_directory
    try:
        store = open_store(reactor, proxy.store_url or place)
        store.startService()
        try:
            await store.get("doctor")
        finally:
            store.stopService()
    except (ConfigurationError, Undecidable, OSError) as error:
        return bad(_STORE, str(error))
    return fine(_STORE, "shared by replicas" if proxy.store_url else f"in {place}")
