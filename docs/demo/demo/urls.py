"""djwto's endpoints, the page that tells what to try, and a view that djwto protects."""

from __future__ import annotations

from django.urls import include, path
from testapp.views import hello, home

urlpatterns = [
    path("", home),
    path("hello/", hello, name="hello"),
    path("", include("djwto.urls")),
]
