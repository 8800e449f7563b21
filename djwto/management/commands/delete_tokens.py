"""`manage.py delete_tokens`: frees what expired entries of the blacklist take."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from djwto.blacklist import get_blacklist
from djwto.exceptions import BlacklistUnavailable


class Command(BaseCommand):
    help = "Deletes the expired entries of the blacklist, in batches. Run it daily."

    def handle(self, *args: Any, **options: Any) -> None:
        deleted = 0
        try:
            for batch in get_blacklist().purge_in_batches():
                deleted += batch
                if options["verbosity"] > 1 or batch:
                    self.stdout.write(f"{deleted} expired entries deleted")
        except BlacklistUnavailable as error:
            raise CommandError(
                f"The blacklist is unavailable after {deleted} entries: {error} "
                "Run the command again; it goes on where it stopped."
            ) from error
        self.stdout.write(self.style.SUCCESS(f"Done: {deleted} expired entries deleted."))
