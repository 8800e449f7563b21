"""BL-16: what a backend that was told something it does not know has to say."""

from __future__ import annotations

from dataclasses import replace

from django.core.exceptions import ImproperlyConfigured

from djwto.spec_tests.registry import Broken, clause
from djwto.spec_tests.subject import Subject

UNKNOWN = "an_option_that_no_backend_has"


@clause("BL-16")
def an_unknown_option_is_refused(subject: Subject) -> None:
    told = {**subject.options, UNKNOWN: "1"}
    done = f"making the backend with the option {UNKNOWN!r}"
    try:
        replace(subject, options=told).make()
    except ImproperlyConfigured:
        return
    except Exception as error:
        raise Broken(f"{done}: expected ImproperlyConfigured, saw {error!r}") from error
    raise Broken(f"{done}: expected ImproperlyConfigured, saw it made")
