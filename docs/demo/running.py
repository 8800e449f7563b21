"""The demo in a process of its own, for what looks at it from outside."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

MANAGE = Path(__file__).with_name("manage.py")


class RunningDemo:
    """`manage.py demo` on a free port, with its console and its database in a folder."""

    def __init__(self, folder: Path, **environment: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.console = folder / "console.txt"
        with self.console.open("w") as console:
            self.process = subprocess.Popen(
                [sys.executable, str(MANAGE), "demo"],
                stdout=console,
                stderr=subprocess.STDOUT,
                env={
                    **{n: v for n, v in os.environ.items() if n != "DJANGO_SETTINGS_MODULE"},
                    "DEMO_DATABASE": str(folder / "demo.sqlite3"),
                    "PORT": str(self.port),
                    **environment,
                },
            )

    def wait_until_it_answers(self) -> None:
        """Raises RuntimeError if it ends, TimeoutError after a minute, with its console."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(self.console.read_text())
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise TimeoutError(self.console.read_text())

    def stop(self) -> None:
        """Ends the process."""
        self.process.terminate()
        self.process.wait(timeout=10)
