"""Who takes part in the benchmarks, and what is installed for each."""

from __future__ import annotations

import subprocess
import venv
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
VENVS = CHECKOUT / ".venv-bench"


@dataclass(frozen=True, slots=True)
class Contender:
    """Who takes part, and what is installed for it."""

    module: str
    title: str
    requirements: tuple[str, ...]


CRYPTO = "pyjwt[crypto]"
CONTENDERS = (
    Contender("floor", "floor", ("django>=5.2,<5.3", CRYPTO)),
    Contender("djwto", "djwto", (f"{CHECKOUT}[redis]", "django>=5.2,<5.3", CRYPTO)),
    Contender(
        "djwto_asking",
        "djwto, store asked",
        (f"{CHECKOUT}[redis]", "django>=5.2,<5.3", CRYPTO),
    ),
    Contender("djwto_0_0_4", "djwto 0.0.4", ("djwto==0.0.4", "django>=5.2,<5.3", CRYPTO)),
    Contender(
        "simplejwt", "simplejwt", ("djangorestframework-simplejwt", "django>=5.2,<5.3", CRYPTO)
    ),
    Contender("ninja_jwt", "ninja-jwt", ("django-ninja-jwt", "django>=5.2,<5.3", CRYPTO)),
    Contender(
        "flask_jwt_extended", "flask-jwt-extended", ("flask-jwt-extended", "a2wsgi", CRYPTO)
    ),
)
FLOOR, OURS, ASKING = "floor", "djwto", "djwto_asking"


def python_of(contender: Contender, folder: Path) -> Path:
    """A Python with what the contender needs."""
    where = folder / contender.module
    python = where / "bin" / "python"
    if not python.exists():
        venv.create(where, with_pip=True)
    requirements = (*contender.requirements, "gunicorn", "uvicorn")
    installed = where / "installed"
    if not installed.exists() or installed.read_text() != repr(requirements):
        subprocess.run([python, "-m", "pip", "install", "-q", *requirements], check=True)
        installed.write_text(repr(requirements))
    if contender.module in {OURS, ASKING}:
        # As it is now, whatever its version says.
        again = ("--force-reinstall", "--no-deps", str(CHECKOUT))
        subprocess.run([python, "-m", "pip", "install", "-q", *again], check=True)
    return python
