"""`make bench-load`: djwto and its peers behind gunicorn with eight threads and behind uvicorn.

wrk asks each contender in turn, on loopback, sixteen requests at a time. What counts is how many
requests a server answers in a second of processor time, which does not depend on what else the
machine does meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from peers import ASKING, CONTENDERS, FLOOR, HERE, OURS, VENVS, Contender, python_of

SERVERS = {
    "gunicorn, 8 threads": "gunicorn served:wsgi --worker-class gthread --threads 8 --bind {at}",
    "uvicorn": "uvicorn served:asgi --host {host} --port {port} --log-level error",
}
CONNECTIONS = 16
TICKS = os.sysconf("SC_CLK_TCK")

ONE = """
wrk.method, wrk.path, wrk.body = {method}, {path}, {body}
wrk.headers["Content-Type"] = {type}
if {token} ~= "" then wrk.headers["Authorization"] = "Bearer " .. {token} end
"""

IN_AND_OUT = """
local tokens = {{}}
local function post(path, body, type, token)
  local headers = {{["Content-Type"] = type, ["Host"] = wrk.headers["Host"]}}
  if token ~= "" then headers["Authorization"] = "Bearer " .. token end
  return wrk.format("POST", path, headers, body)
end
request = function()
  local token = table.remove(tokens)
  if not token then return post({login}, {login_body}, {login_type}, "") end
  local put = function(text) return (string.gsub(text, "TOKEN", token)) end
  return post({path}, put({body}), {type}, put({token}))
end
response = function(status, headers, body)
  local token = string.match(body, '"refresh": ?"([^"]+)"')
  if token then table.insert(tokens, token) end
end
"""


def scripts(asked: dict[str, list[str]]) -> dict[str, str]:
    """What wrk is told to ask, for each operation."""
    made = {
        name: ONE.format(**_quoted(*asked[name]))
        for name in ("protected", "refresh", "login")
        if name in asked
    }
    if "logout" in asked:
        login = _quoted(*asked["login"])
        both = _quoted(*asked["logout"])
        both |= {"login": login["path"], "login_body": login["body"], "login_type": login["type"]}
        made["login, then logout"] = IN_AND_OUT.format(**both)
    return made


def _quoted(method: str, path: str, token: str = "", fields: object = "") -> dict[str, str]:
    is_form = isinstance(fields, str)
    parts = {
        "method": method,
        "path": path,
        "token": token,
        "body": fields if is_form else json.dumps(fields),
        "type": "application/x-www-form-urlencoded" if is_form else "application/json",
    }
    # A text of JSON is one of Lua, too.
    return {name: json.dumps(part) for name, part in parts.items()}


class Server:
    """A contender that is being served."""

    def __init__(self, contender: Contender, command: str, venvs: Path) -> None:
        self.contender = contender
        self.folder = tempfile.TemporaryDirectory(prefix="djwto-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.host, self.port = free.getsockname()
        at = command.format(at=f"{self.host}:{self.port}", host=self.host, port=self.port)
        about = {"CONTENDER": contender.module, "FOLDER": self.folder.name}
        self.process = subprocess.Popen(
            [venvs / contender.module / "bin" / "python", "-m", *at.split()],
            cwd=HERE,
            env=os.environ | about | ({"ASGI": "1"} if ":asgi" in command else {}),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.scripts: dict[str, Path] = {}
        for name, script in scripts(self._asked()).items():
            self.scripts[name] = Path(self.folder.name, f"{name}.lua")
            self.scripts[name].write_text(script)

    def _asked(self) -> dict[str, list[str]]:
        asked = Path(self.folder.name, "asked.json")
        for _ in range(600):
            with socket.socket() as client:
                if asked.exists() and not client.connect_ex((self.host, self.port)):
                    found: dict[str, list[str]] = json.loads(asked.read_text())
                    return found
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise SystemExit(f"{self.contender.title} cannot be served.")

    def rate(self, name: str, seconds: int) -> float:
        """How many requests it answers with 2xx in a second of processor time; djwto must all."""
        before = self._processor()
        wrk = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(self.scripts[name])]
        wrk += ["--timeout", "10s", f"http://{self.host}:{self.port}"]
        told = subprocess.run(wrk, check=True, capture_output=True, text=True).stdout
        (count,) = re.findall(r"(\d+) requests in", told)
        failed = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", told)))
        if (failed and self.contender.module == OURS) or "Socket errors" in told:
            raise SystemExit(f"{self.contender.title}, {name}:\n{told}")
        if failed:
            print(f"{self.contender.title}, {name}: {failed} of {count} were not answered 2xx")
        return (int(count) - failed) / (self._processor() - before)

    def _processor(self) -> float:
        """Seconds of processor time that its processes have taken."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            # Fields 5, 14 and 15 of proc(5): the group, and the time in user and system mode.
            if int(fields[2]) == self.process.pid:
                ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS

    def stop(self) -> None:
        """Ends it and its workers."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.folder.cleanup()


@contextmanager
def served(command: str, venvs: Path) -> Iterator[list[Server]]:
    """While entered, all contenders, each by a server of its own."""
    with ExitStack() as stack:
        servers = []
        for contender in CONTENDERS:
            if contender.module != ASKING:
                servers.append(Server(contender, command, venvs))
                stack.callback(servers[-1].stop)
        yield servers


def measure(servers: list[Server], turns: int, seconds: int) -> dict[tuple[str, str], list[float]]:
    """The rates of everyone at everything, turn by turn. The first turn is for warming up."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for turn in range(turns + 1):
        for server in servers:
            for name in server.scripts:
                rate = server.rate(name, seconds if turn else 1)
                if turn:
                    found[server.contender.module, name].append(rate)
    return found


def main() -> int:
    """Prints the rates beside djwto's; 0 if djwto is ahead of every peer at everything."""
    parser = argparse.ArgumentParser(prog="make bench-load", description=__doc__)
    parser.add_argument("--turns", type=int, default=3, metavar="N", help="turns (3)")
    parser.add_argument("--seconds", type=int, default=2, metavar="N", help="of each load (2)")
    parser.add_argument("--venvs", type=Path, default=VENVS)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every rate there, too")
    given = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing; Debian has it: apt-get install wrk")
    for contender in CONTENDERS:
        python_of(contender, given.venvs)
    behind = 0
    measured = {}
    for title, command in SERVERS.items():
        with served(command, given.venvs) as servers:
            found = measure(servers, given.turns, given.seconds)
        print(f"\n{title}: requests a second of processor time; in brackets, times djwto's\n")
        peers = [one for one in CONTENDERS if one.module not in {FLOOR, OURS, ASKING}]
        shown = [one for one in CONTENDERS if one.module in {FLOOR, OURS}] + peers
        print(f"{'':20}" + "".join(f"{one.title:>22}" for one in shown))
        for name in ("protected", "refresh", "login", "login, then logout"):
            cells = ""
            for one in shown:
                rates = found.get((one.module, name))
                ours = found[OURS, name]
                if rates is None:
                    cells += f"{'-':>22}"
                    continue
                ratio = statistics.median(a / b for a, b in zip(rates, ours, strict=True))
                behind += one in peers and ratio >= 1
                cells += f"{statistics.median(rates):>15.0f} ({ratio:.2f})"
            print(f"{name:20}{cells}")
        measured[title] = {f"{module}: {name}": rates for (module, name), rates in found.items()}
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(measured, indent=1))
    return 1 if behind else 0


if __name__ == "__main__":
    sys.exit(main())
