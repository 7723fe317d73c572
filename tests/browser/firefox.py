"""Firefox without further tools: its own remote protocol (Marionette), a few lines of JSON over a socket."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox") or ""


class Firefox:
    """`with Firefox() as firefox:` is a browser without a window; `run(script)` returns what a script returns."""

    def __enter__(self) -> Firefox:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.profile = tempfile.TemporaryDirectory()
        settings = {"marionette.port": port, "app.update.enabled": False, "datareporting.policy.dataSubmissionEnabled": False}
        lines = [f'user_pref("{name}", {json.dumps(value)});' for name, value in settings.items()]
        (Path(self.profile.name) / "user.js").write_text("\n".join(lines))
        command = [FIREFOX, "--headless", "--marionette", "--no-remote", "--profile", self.profile.name]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.socket = self.connected(port)
        self.number = 0
        self.answer()
        self.do("WebDriver:NewSession")
        return self

    def connected(self, port: int, patience: float = 60.0) -> socket.socket:
        end = time.monotonic() + patience
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port))
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise
                time.sleep(0.2)

    def __exit__(self, *error: Any) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait()
        self.profile.cleanup()

    def answer(self) -> Any:
        """A message: its length, a colon, JSON."""
        head = b""
        while not head.endswith(b":"):
            head += self.socket.recv(1)
        body = b""
        while len(body) < int(head[:-1]):
            body += self.socket.recv(int(head[:-1]) - len(body))
        return json.loads(body)

    def do(self, command: str, **arguments: Any) -> Any:
        self.number += 1
        text = json.dumps([0, self.number, command, arguments]).encode()
        self.socket.sendall(b"%d:%s" % (len(text), text))
        _, _, error, result = self.answer()
        if error:
            raise RuntimeError(error["message"])
        return result

    def run(self, script: str) -> Any:
        return self.do("WebDriver:ExecuteScript", script=script, args=[])["value"]
