"""No command reaches for a network, the demo apart."""

import socket
from pathlib import Path

import pytest


def test_commands_reach_for_no_network(run, face_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a network is reached for")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    commands = (
        ["timeline", face_clip, "-o", tmp_path, "--sample-fps", "1"],
        ["describe"],
        ["docs", "results"],
        ["settings"],
        ["doctor"],
        ["cache", "clear"],
    )
    for command in commands:
        code, _, err = run(*command)
        assert (code, err) == (0, ""), command
