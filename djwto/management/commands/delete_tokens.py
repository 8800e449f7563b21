"""`manage.py delete_tokens`: frees what expired entries of the blacklist take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, no_translations
from django.db import DatabaseError, InterfaceError

from djwto.blacklist import get_blacklist
from djwto.exceptions import BlacklistUnavailable

INTERRUPTED = 130
"""How a shell tells of a process that SIGINT has ended."""


class Command(BaseCommand):
    help = (
        "Deletes the expired entries of the blacklist, and what djwto's other apps have that "
        "has expired, in batches. Run it daily."
    )

    # The names of apps are translated, what is said of them here is not.
    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        verbose = options["verbosity"] > 1
        deleted = self._purge("blacklist", get_blacklist().purge_in_batches(), "", verbose)
        # By this method an app says that it has something to purge; the core knows of none.
        for app in apps.get_app_configs():
            purge = getattr(app, "djwto_purge_in_batches", None)
            if purge is not None:
                name = str(app.verbose_name)
                deleted += self._purge(f"table of {name}", purge(), f" of {name}", verbose)
        self.stdout.write(self.style.SUCCESS(f"Done: {deleted} expired entries deleted."))

    def _purge(self, what: str, batches: Iterator[int], of: str, verbose: bool) -> int:
        deleted = 0
        try:
            for batch in batches:
                deleted += batch
                if verbose or batch:
                    self.stdout.write(f"{deleted} expired entries{of} deleted")
        except (BlacklistUnavailable, DatabaseError, InterfaceError) as error:
            raise CommandError(
                f"The {what} is unavailable after {deleted} entries: {error} "
                "Run the command again; it goes on where it stopped."
            ) from error
        except KeyboardInterrupt as interrupt:
            raise CommandError(
                f"Stopped after {deleted} entries of the {what}. "
                "Run the command again; it goes on where it stopped.",
                returncode=INTERRUPTED,
            ) from interrupt
        return deleted
