"""What must be true before `cursive up` starts anything: one sentence for each way it can be false."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
import time
from pathlib import Path
from typing import TextIO

from cursive_app.settings import ROOT, Settings

LEAST_FREE_BYTES = 150_000_000
HIGHEST_PORT = 65_535


class Refused(RuntimeError):
    """Cursive cannot start; the message is one or two sentences that say why and what to do."""


def short(path: Path) -> str:
    """A path as the operator would type it in the checkout."""
    try:
        return str(path.resolve().relative_to(ROOT))
    except ValueError:
        return str(path)


def require_data_dir(config: Settings) -> None:
    """The data folder and its folder of logs exist, can be written and have room. Raises Refused."""
    for folder, name in ((config.data_dir, "data folder"), (config.data_dir / "logs", "folder of logs")):
        probe = folder / ".writable"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"x" * 4096)
            probe.unlink()
        except OSError as error:
            raise not_writable(folder, name, error) from error
    free = shutil.disk_usage(config.data_dir).free
    if free < LEAST_FREE_BYTES:
        raise Refused(
            f"Only {free / 1e6:.0f} MB are free where the data folder {config.data_dir} lies and "
            f"{LEAST_FREE_BYTES / 1e6:.0f} MB are needed. Free some space or set DATA_DIR to another folder."
        )


def not_writable(path: Path, name: str, error: OSError) -> Refused:
    """What to say when something in the data folder, `name` in words, cannot be used."""
    advice = "Allow writing there"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        advice = "Free some space"
    elif error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
        advice = "Move away what is in its place"
    return Refused(
        f"The {name} {path} cannot be written ({error.strerror}). {advice}, or set DATA_DIR to another folder."
    )


class Instance:
    """The one `cursive up` of a data folder. The lock is the kernel's: it goes with the process, however that ends.

    Raises Refused when there is another one, or the lock file cannot be written.
    """

    def __init__(self, config: Settings) -> None:
        self.path = config.data_dir / "up.lock"
        try:
            self.file: TextIO = self.path.open("a+", encoding="utf-8")
        except OSError as error:
            raise not_writable(self.path, "lock file", error) from error
        self.file.seek(0)
        said = self.file.read().split()[:2]
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            pid, url = (*said, "?", "?")[:2]
            raise Refused(
                f"Cursive already runs on this data folder: process {pid}, {url}. Stop it with Ctrl-C there or "
                f"`kill {pid}`, or start a second one with another DATA_DIR and PORT."
            ) from error
        self.after_crash = bool(said)  # the last one had no time to empty the file
        self.file.truncate(0)
        self._write(f"{os.getpid()} {config.public_url}\n")

    def note(self, ports: dict[str, str]) -> None:
        """Leave word of the ports that were chosen, for `running_ports`. Raises Refused."""
        self._write("".join(f"{name}={port}\n" for name, port in ports.items()))

    def _write(self, text: str) -> None:
        try:
            os.write(self.file.fileno(), text.encode())  # unbuffered: nothing is left to fail while closing
        except OSError as error:
            raise not_writable(self.path, "lock file", error) from error

    def close(self) -> None:
        """A clean end."""
        self.file.truncate(0)
        self.file.close()


def require_port(host: str, port: int, *, wait_seconds: float = 0.0) -> None:
    """The web port is free, at the latest after `wait_seconds` (what a crash left is still dying). Raises Refused."""
    deadline = time.monotonic() + wait_seconds
    while error := _bind_error(host, port):
        if error.errno != errno.EADDRINUSE:
            raise Refused(f"Cursive cannot listen on {host}:{port} ({error.strerror}); set HOST and PORT.") from error
        if time.monotonic() >= deadline:
            other = port + 10 if port + 10 <= HIGHEST_PORT else port - 10
            raise Refused(
                f"Port {port} is in use by another program. Choose another one: PORT={other} make run"
            ) from error
        time.sleep(0.1)


def sandbox_ports(config: Settings, *, wait_seconds: float = 0.0) -> dict[str, str]:
    """The two ports of the sandbox as environment variables: the configured ones, or free ones when the defaults are
    taken. Raises Refused when a port that was chosen on purpose is taken."""
    chosen: dict[str, str] = {}
    for name, variable in (("sandbox_port", "SANDBOX_PORT"), ("sandbox_smtp_port", "SANDBOX_SMTP_PORT")):
        port: int = getattr(config, name)
        deadline = time.monotonic() + wait_seconds
        while (taken := _bind_error("127.0.0.1", port) is not None) and time.monotonic() < deadline:
            time.sleep(0.1)
        taken = taken or str(port) in (str(config.port), *chosen.values())  # by another part of ours
        if taken and name in config.model_fields_set:
            raise Refused(f"{variable}={port} is in use by another program. Choose another port or leave it unset.")
        chosen[variable] = str(free_port() if taken else port)
    return chosen


def running_ports(config: Settings) -> dict[str, int]:
    """The sandbox's ports as the running `cursive up` chose them; empty when none runs."""
    try:
        lines = (config.data_dir / "up.lock").read_text(encoding="utf-8").splitlines()[1:]
    except OSError:
        return {}
    return {name: int(port) for name, _, port in (line.partition("=") for line in lines) if port.isdigit()}


def running_provider_url(config: Settings) -> str:
    """Where the provider is reached at the moment: the sandbox of the running `cursive up` may have another port."""
    if not config.provider_is_sandbox or config.audiencelab_base_url is not None:
        return config.provider_base_url
    port = running_ports(config).get("SANDBOX_PORT", config.sandbox_port)
    return config.model_copy(update={"sandbox_port": port}).provider_base_url


def free_port() -> int:
    """A port nothing listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _bind_error(host: str, port: int) -> OSError | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        return error
    return None
