"""The URLs of a project that includes no endpoints."""

from __future__ import annotations

urlpatterns: list[object] = []
