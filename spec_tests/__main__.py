"""`python -m djwto.spec_tests --backend DOTTED.PATH`: which clauses does a backend keep?"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.core.exceptions import ImproperlyConfigured

HOLD, FAIL, COULD_NOT_RUN = 0, 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Runs the suite; 0 if every clause holds, 1 if one fails, 2 if it could not be run."""
    parser = argparse.ArgumentParser(prog="python -m djwto.spec_tests", description=__doc__)
    parser.add_argument(
        "--backend",
        required=True,
        metavar="DOTTED.PATH",
        help="a subclass of djwto.blacklist.BlacklistBackend, importable from the current folder",
    )
    parser.add_argument(
        "--options",
        type=_options,
        metavar="JSON",
        help="OPTIONS of DJWTO_BLACKLIST; without them djwto's own backends get embedded stores",
    )
    given = parser.parse_args(arguments)
    # As `python -m` does; a console that was started elsewhere would not.
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        with _project(), _subject(given.backend, given.options) as subject:
            return _report(subject)
    except (ImproperlyConfigured, _Unable) as error:
        print(f"The suite could not run: {error}", file=sys.stderr)
        return COULD_NOT_RUN


class _Unable(Exception):
    """The suite cannot run; the text says why and what to do."""


def _options(text: str) -> dict[str, Any]:
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise argparse.ArgumentTypeError('not a JSON object such as {"using": "default"}')
    return parsed


@contextmanager
def _project() -> Iterator[None]:
    """A Django project with test databases: the one in DJANGO_SETTINGS_MODULE, else ours."""
    try:
        import hypothesis  # noqa: F401
    except ImportError as error:
        raise _Unable("the suite needs Hypothesis: pip install djwto[spec].") from error
    import django
    from django.test.utils import (
        setup_databases,
        setup_test_environment,
        teardown_databases,
        teardown_test_environment,
    )

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "djwto.spec_tests.project.settings")
    django.setup()
    from django.test import override_settings

    setup_test_environment(debug=False)
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        with override_settings(
            ROOT_URLCONF="djwto.urls",
            PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        ):
            yield
    finally:
        teardown_databases(databases, verbosity=0)
        teardown_test_environment()


@contextmanager
def _subject(backend: str, options: dict[str, Any] | None) -> Iterator[Any]:
    from djwto.spec_tests.subject import REDIS, Subject, fakeredis_server

    with ExitStack() as stack:
        if backend == REDIS and options is None:
            options = {"url": stack.enter_context(fakeredis_server())}
            print('on fakeredis; for a server: --options \'{"url": "redis://127.0.0.1:6379/1"}\'')
        subject = Subject(backend, options or {})
        try:
            subject.make()
        except ImproperlyConfigured:
            raise
        except Exception as error:
            raise _Unable(f"{backend} raised {error!r} when it was made.") from error
        yield subject


def _refuse_unreachable(subject: Any) -> None:
    from djwto.exceptions import BlacklistUnavailable
    from djwto.spec_tests.subject import new_key

    try:
        subject.make().contains(new_key())
    except BlacklistUnavailable as error:
        raise _Unable(f"the store is unavailable. {error}") from error
    except Exception as error:
        # The clauses say more of what else is wrong.
        print(f"contains() raised {error!r}", file=sys.stderr)


def _report(subject: Any) -> int:
    import logging

    from djwto.spec_tests.runner import FAILS, describe, run, summary

    # Refused requests are logged, and many are; without a handler Python prints them.
    logging.getLogger("djwto").addHandler(logging.NullHandler())
    _refuse_unreachable(subject)
    verdicts = []
    print(f"{subject.backend} {json.dumps(subject.options)}", flush=True)
    for verdict in run(subject):
        print(describe(verdict), flush=True)
        verdicts.append(verdict)
    print(summary(verdicts))
    return FAIL if any(verdict.result == FAILS for verdict in verdicts) else HOLD


if __name__ == "__main__":
    sys.exit(main())
