"""All that djwto answers: its endpoints, twice, the list of sessions, and decorated views."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.urls import include, path

from djwto.spec_tests.project import urls

urlpatterns = [*urls.urlpatterns, path("me/", include("djwto.contrib.sessions.urls"))]


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The answer where there is no view.

    Django's own asks the body for a CSRF token, and is answered 500 if that is multipart without
    a boundary: with no view of djwto anywhere near.
    """
    return HttpResponseNotFound()
