"""The application: some processes of Django's that share a store, and nothing else."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from djwto.spec_tests.child import child
from djwto.spec_tests.faults.record import Heard

MODULE = "djwto.spec_tests.faults.served"


class Application:
    """While entered, processes serve; their files are in a folder."""

    def __init__(self, folder: Path, settings: Mapping[str, Any], processes: int) -> None:
        self.ports: list[int] = []
        """Where each process serves."""
        self.generation = 0
        """How often all were started anew."""
        self._folder = folder
        self._settings = dict(settings)
        self._count = processes
        self._processes = ExitStack()
        self._environment = {
            "DJANGO_SETTINGS_MODULE": "djwto.spec_tests.faults.settings",
            "DJWTO_FAULTS_SETTINGS": str(folder / "settings.json"),
            "DJWTO_FAULTS_SIGNALS": str(folder / "signals"),
        }

    def __enter__(self) -> Application:
        self._write()
        with self._start(DJWTO_FAULTS_PREPARE="1") as preparing:
            preparing.communicate()
        if preparing.returncode:
            raise RuntimeError(f"The project has no tables. {self.said()}")
        self.add_processes(self._count)
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.close()

    def add_processes(self, count: int) -> None:
        """Starts some more, which know of what was before only what the store does."""
        started = [self._processes.enter_context(self._start()) for _ in range(count)]
        for process in started:
            assert process.stdout is not None
            port = process.stdout.readline().decode().strip()
            if not port:
                raise RuntimeError(f"A process of the application has ended. {self.said()}")
            self.ports.append(int(port))

    def renew(self) -> None:
        """Starts all processes anew, with another signing key.

        As the documentation advises where a cache was emptied: everybody logs in again.
        """
        self._processes.close()
        self.generation += 1
        self._settings["DJWTO_SIGNING_KEY"] = secrets.token_hex(32)
        self._write()
        self.ports.clear()
        self.add_processes(self._count)

    def heard(self) -> list[Heard]:
        """What the receivers of all processes wrote."""
        log = Path(self._environment["DJWTO_FAULTS_SIGNALS"])
        return [Heard(*json.loads(line)) for line in log.read_text().splitlines()]

    def said(self) -> str:
        """The end of what the processes have written to their standard error."""
        return f"They said:\n{(self._folder / 'log').read_text(errors='replace')[-3_000:]}"

    def _write(self) -> None:
        Path(self._environment["DJWTO_FAULTS_SETTINGS"]).write_text(json.dumps(self._settings))

    def _start(self, **environment: str) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("ab") as log:
            return child(MODULE, says=log, **self._environment, **environment)
