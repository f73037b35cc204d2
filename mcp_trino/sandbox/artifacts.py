"""
Programs from a Maven repository, unpacked into the cache once.

An unpacked artefact appears in the cache under its final name by one rename,
after its SHA-256 was compared: a directory that is there is whole. ``jgo`` only
warns of a wrong SHA-1 and takes a half file for a whole one, so each download
goes to a directory of its own and is compared here.
"""

import hashlib
import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from io import TextIOWrapper
from pathlib import Path

from attrs import field, frozen
from jgo.maven import MavenContext, PythonResolver

from mcp_trino.errors import SandboxUnavailable
from mcp_trino.sandbox.locks import take_lock, try_lock

Report = Callable[[str], None]

_MB = 1_000_000
_REPORTED_STEP_BYTES = 25 * _MB
_NETWORK_TIMEOUT_SECONDS = 60


@frozen
class Artifact:
    """
    An archive in a Maven repository whose content is known.

    :ivar coordinate: ``group:artifact:version:packaging``; the packaging is
        ``tar.gz`` or ``zip``.
    :ivar sha256: of the archive, in hexadecimal.
    :ivar archive_bytes: size of the archive.
    :ivar unpacked_bytes: size on disk of what is unpacked.
    :ivar parts: what to unpack, as paths below the archive's one directory;
        everything by default.
    :ivar name: of the archive's one directory, the same in the cache; the
        artifact and its version by default.
    """

    coordinate: str
    sha256: str
    archive_bytes: int
    unpacked_bytes: int
    parts: tuple[str, ...] = ("",)
    name: str = field()

    @name.default
    def _usual_name(self) -> str:
        _, artifact, version, _ = self.coordinate.split(":")
        return f"{artifact}-{version}"


def ensure_unpacked(
    artifacts: Sequence[Artifact],
    cache: Path,
    *,
    maven_url: str | None,
    spare_bytes: int,
    report: Report,
) -> None:
    """
    Have each artefact in the directory of its name in the cache; this blocks.

    Programs that do this at the same time wait for each other.

    :param maven_url: the repository to ask, ``None`` for the public one.
    :param spare_bytes: disk that must be left when all is unpacked.
    :raise SandboxUnavailable: the disk is too small, the cache cannot be
        written, or the repository does not give the expected archive.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _download_lock(cache, report):
            for left_over in cache.glob("partial-*"):
                shutil.rmtree(left_over)
            missing = [a for a in artifacts if not (cache / a.name).is_dir()]
            if missing:
                _check_disk(missing, cache, spare_bytes, report)
            for artifact in missing:
                _fetch(artifact, cache, maven_url, report)
    except OSError as error:
        raise SandboxUnavailable(f"cannot fill {cache}: {error}") from error


def _download_lock(cache: Path, report: Report) -> TextIOWrapper:
    path = cache / "download.lock"
    lock = try_lock(path)
    if lock is None:
        report(f"Waiting for another sandbox that is filling {cache} …")
        lock = take_lock(path)
    return lock


def _check_disk(
    missing: Sequence[Artifact], cache: Path, spare_bytes: int, report: Report
) -> None:
    archives = sum(a.archive_bytes for a in missing)
    needed = archives + sum(a.unpacked_bytes for a in missing) + spare_bytes
    report(
        f"Downloading {archives // _MB} MB to {cache}, once; "
        f"this takes up to {needed // _MB} MB of disk while it goes on."
    )
    free = shutil.disk_usage(cache).free
    if free < needed:
        raise SandboxUnavailable(
            f"the sandbox needs {needed // _MB} MB of disk in {cache}, but only "
            f"{free // _MB} MB are free: make room, or name another place by "
            "XDG_CACHE_HOME"
        )


def _fetch(
    artifact: Artifact, cache: Path, maven_url: str | None, report: Report
) -> None:
    with tempfile.TemporaryDirectory(prefix="partial-", dir=cache) as partial:
        archive = _download(artifact, Path(partial), maven_url, report)
        _compare(artifact, archive)
        unpacked = Path(partial, "unpacked")
        _unpack(artifact, archive, unpacked)
        # A power cut must not leave the name without the content.
        os.sync()
        (unpacked / artifact.name).rename(cache / artifact.name)


def _download(
    artifact: Artifact, directory: Path, maven_url: str | None, report: Report
) -> Path:
    context = MavenContext(
        resolver=PythonResolver(progress_callback=_progress(report)),
        repo_cache=directory,
        remote_repos={"mirror": maven_url.rstrip("/")} if maven_url else None,
        timeout=_NETWORK_TIMEOUT_SECONDS,
    )
    group, name, version, packaging = artifact.coordinate.split(":")
    component = context.project(group, name).at_version(version)
    try:
        return component.artifact(packaging=packaging).resolve()
    # What jgo raises when no repository has the artefact, and what requests does.
    except (RuntimeError, OSError) as error:
        raise SandboxUnavailable(
            f"cannot download {artifact.coordinate}: {error}; check the network, or "
            "name a Maven repository that can be reached by MCP_TRINO_MAVEN_URL"
        ) from error


def _progress(
    report: Report,
) -> Callable[[str, int], AbstractContextManager[Callable[[int], None]]]:
    @contextmanager
    def progress(filename: str, size: int) -> Iterator[Callable[[int], None]]:
        done = 0

        def advance(received: int) -> None:
            nonlocal done
            step = done // _REPORTED_STEP_BYTES
            done += received
            if done // _REPORTED_STEP_BYTES > step or done == size:
                report(f"{filename}: {done // _MB} of {size // _MB} MB")

        yield advance

    return progress


def _compare(artifact: Artifact, archive: Path) -> None:
    with archive.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != artifact.sha256:
        raise SandboxUnavailable(
            f"{artifact.coordinate} is not what it should be: its SHA-256 is {found} "
            f"instead of {artifact.sha256}; the repository or a proxy on the way "
            "to it gives something else"
        )


def _unpack(artifact: Artifact, archive: Path, target: Path) -> None:
    """Unpack an archive; what it contains has been proved by its SHA-256."""
    wanted = tuple(f"{artifact.name}/{part}" for part in artifact.parts)
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            names = [n for n in zipped.namelist() if n.startswith(wanted)]
            zipped.extractall(target, names)  # noqa: S202
        return
    with tarfile.open(archive) as tarred:
        members = [m for m in tarred if m.name.startswith(wanted)]
        tarred.extractall(target, members)  # noqa: S202
