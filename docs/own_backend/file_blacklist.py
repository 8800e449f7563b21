import sqlite3
import time
from contextlib import closing

from djwto.blacklist import BlacklistBackend
from djwto.exceptions import BlacklistUnavailable


class FileBlacklist(BlacklistBackend):
    default_options = {"path": "blacklist.sqlite3"}

    def __init__(self, options):
        super().__init__(options)
        self._run("CREATE TABLE IF NOT EXISTS ended (key TEXT PRIMARY KEY, exp INTEGER)")

    def add(self, key, exp):  # True to the one caller who was first
        return self._run("INSERT OR IGNORE INTO ended VALUES (?, ?)", key, exp)[1] == 1

    def contains(self, key):
        return bool(self._run("SELECT 1 FROM ended WHERE key = ?", key)[0])

    def purge(self):
        return self._run("DELETE FROM ended WHERE exp < ?", int(time.time()))[1]

    def _run(self, sql, *values):
        try:
            with closing(sqlite3.connect(self.options["path"], timeout=10)) as file, file:
                cursor = file.execute(sql, values)
                return cursor.fetchall(), cursor.rowcount
        except sqlite3.Error as error:
            raise BlacklistUnavailable(str(error)) from error
