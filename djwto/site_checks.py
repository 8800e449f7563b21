"""Finds what the rest of a project's settings do to the cookies of djwto (SET-6).

Where Django has a check of its own, as for SECURE_SSL_REDIRECT, nothing is said twice.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.apps import apps
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning

from djwto.conf import settings
from djwto.transports import TRANSPORTS

_CSRF_MIDDLEWARE = "django.middleware.csrf.CsrfViewMiddleware"


def site() -> Iterator[CheckMessage]:
    """What keeps a cookie mode from working at all."""
    everywhere = str(django_settings.CSRF_COOKIE_SAMESITE).lower() == "none"
    if _uses_csrf_cookie() and everywhere and not django_settings.CSRF_COOKIE_SECURE:
        yield Error(
            "CSRF_COOKIE_SAMESITE is 'None' and CSRF_COOKIE_SECURE is False: browsers drop such a "
            "cookie, and nobody can refresh or log out. Set CSRF_COOKIE_SECURE = True.",
            id="djwto.E081",
        )


def site_deploy() -> Iterator[CheckMessage]:
    """What lets others at the cookies, for `check --deploy`."""
    if not _uses_cookies():
        return
    # With the middleware this is Django's security.W016.
    if (
        _uses_csrf_cookie()
        and not django_settings.CSRF_COOKIE_SECURE
        and _CSRF_MIDDLEWARE not in django_settings.MIDDLEWARE
    ):
        yield Warning(
            "CSRF_COOKIE_SECURE is False, and a login hands out that cookie: whoever listens to "
            "one request over HTTP can forge others. Set CSRF_COOKIE_SECURE = True.",
            id="djwto.W082",
        )
    yield from _hosts()
    yield from _domain()
    yield from _origins()


def _uses_cookies() -> bool:
    return any(name == settings.mode and kind.ambient for name, kind in TRANSPORTS.items())


def _uses_csrf_cookie() -> bool:
    return _uses_cookies() and settings.csrf is not False and not django_settings.CSRF_USE_SESSIONS


def _hosts() -> Iterator[CheckMessage]:
    for host in django_settings.ALLOWED_HOSTS:
        if host == "*" or (host.startswith(".") and host.count(".") == 1):
            yield Warning(
                f"ALLOWED_HOSTS has {host!r}: a login is taken for one of this site's own if its "
                "Origin is the Host that it was sent to, and that may be any name which leads "
                "here. Name the hosts of this site.",
                id="djwto.W083",
            )


def _domain() -> Iterator[CheckMessage]:
    # What is no host at all is E027.
    if not isinstance(settings.domain, str):
        return
    domain = settings.domain.lower().removeprefix(".")
    hosts = [host.lower() for host in django_settings.ALLOWED_HOSTS]
    if "." not in domain:
        yield Error(
            f"DJWTO_DOMAIN is {settings.domain!r}, which is no domain of one site: browsers keep "
            "no cookies for it, and nobody stays logged in. Remove the setting.",
            id="djwto.E085",
        )
    elif hosts and not any(_reaches(host, domain) for host in hosts):
        yield Error(
            f"DJWTO_DOMAIN is {settings.domain!r}, in which no host of ALLOWED_HOSTS is: browsers "
            "take no cookies for it from this site, and nobody stays logged in. Remove it.",
            id="djwto.E085",
        )
    else:
        yield Warning(
            f"DJWTO_DOMAIN is {settings.domain!r}: browsers send the tokens to every host under "
            "it, and each can set cookies for the others. Remove the setting, unless all of them "
            "are as trusted as this one.",
            id="djwto.W084",
        )


def _reaches(host: str, domain: str) -> bool:
    """Whether a name that this entry of ALLOWED_HOSTS takes is the domain, or is in it."""
    within = host == "*" or f".{host}".endswith(f".{domain}")
    return within or (host.startswith(".") and domain.endswith(host))


def _origins() -> Iterator[CheckMessage]:
    for origin in django_settings.CSRF_TRUSTED_ORIGINS:
        if "*" in origin or origin.startswith("http:"):
            yield Warning(
                f"CSRF_TRUSTED_ORIGINS has {origin!r}: a page of whoever gets hold of such a "
                "name, or of the network, can use its visitors' sessions here. Write each origin "
                "out, with https.",
                id="djwto.W086",
            )
    if apps.is_installed("corsheaders"):
        from corsheaders.conf import conf

        if conf.CORS_ALLOW_ALL_ORIGINS and conf.CORS_ALLOW_CREDENTIALS:
            yield Warning(
                "CORS_ALLOW_ALL_ORIGINS and CORS_ALLOW_CREDENTIALS are both True: a page of any "
                "site can read what its visitors may. List the sites in CORS_ALLOWED_ORIGINS.",
                id="djwto.W087",
            )
