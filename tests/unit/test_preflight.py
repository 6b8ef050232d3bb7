"""What `cursive up` says when it cannot start: one sentence with what to do that can be done."""

from __future__ import annotations

import errno
import re
import resource
from pathlib import Path

import pytest

from cursive_app import preflight
from cursive_app.preflight import Instance, Refused, free_port, require_port, running_ports
from cursive_app.settings import Settings
from cursive_app.up import up


@pytest.mark.parametrize("port", [8000, 65_525, 65_526, 65_535])
def test_the_port_that_is_advised_exists(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_bind_error", lambda *_: OSError(errno.EADDRINUSE, "in use"))
    with pytest.raises(Refused) as refused:
        require_port("127.0.0.1", port)
    advised = re.search(r"PORT=(\d+) make run", str(refused.value))
    assert advised is not None
    assert advised[1] != str(port)
    assert Settings(PORT=advised[1]).port == int(advised[1])  # type: ignore[arg-type]  # as the environment gives it


def said(data_dir: Path) -> str:
    """The one sentence of a start that is refused."""
    lines: list[str] = []
    config = Settings(DATA_DIR=data_dir, PORT=free_port())  # type: ignore[call-arg]
    assert up(config, say=lines.append) == 1
    (sentence,) = lines
    return sentence


def test_a_file_in_the_place_of_the_logs(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("")
    assert said(tmp_path).startswith(
        f"The folder of logs {tmp_path / 'logs'} cannot be written (File exists). Move away"
    )


def test_a_folder_in_the_place_of_the_lock_file(tmp_path: Path) -> None:
    (tmp_path / "up.lock").mkdir()
    sentence = said(tmp_path)
    assert sentence.startswith(f"The lock file {tmp_path / 'up.lock'} cannot be written (Is a directory). Move away")
    assert sentence.endswith("or set DATA_DIR to another folder.")


def test_a_folder_in_the_place_of_a_log(tmp_path: Path) -> None:
    """Found only when the part that writes it is started."""
    for part in ("sandbox", "web", "worker", "prepare"):
        (tmp_path / "logs" / f"{part}.log").mkdir(parents=True)
    assert said(tmp_path).startswith(f"{tmp_path / 'logs' / 'sandbox.log'} cannot be used (Is a directory)")


def test_a_lock_file_that_cannot_grow(tmp_path: Path) -> None:
    """As on a disk that has just become full; the kernel refuses the write, and closing is not a second failure."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    config = Settings(DATA_DIR=tmp_path)  # type: ignore[call-arg]
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with pytest.raises(Refused, match=r"lock file .*up\.lock cannot be written \(File too large\)"):
            Instance(config)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_the_lock_file_names_the_process_and_its_ports(tmp_path: Path) -> None:
    config = Settings(DATA_DIR=tmp_path)  # type: ignore[call-arg]
    instance = Instance(config)
    instance.note({"SANDBOX_PORT": "8101"})
    assert running_ports(config) == {"SANDBOX_PORT": 8101}
    with pytest.raises(Refused, match="already runs on this data folder"):
        Instance(config)
    instance.close()
    assert running_ports(config) == {}
