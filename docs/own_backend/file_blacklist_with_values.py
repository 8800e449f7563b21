import sqlite3
import time
from contextlib import closing

from djwto.blacklist import BlacklistBackend
from djwto.exceptions import BlacklistUnavailable


class FileBlacklist(BlacklistBackend):
    supports_values = True
    default_options = {"path": "blacklist.sqlite3"}

    def __init__(self, options):
        super().__init__(options)
        columns = "key TEXT PRIMARY KEY, value TEXT, exp INTEGER"
        self._run(f"CREATE TABLE IF NOT EXISTS ended ({columns})")

    def add(self, key, exp):
        return self.compare_and_set(key, None, "", exp)

    def contains(self, key):
        return key in self.get_many([key])

    def get_many(self, keys):
        marks = ", ".join("?" for _ in keys)
        found = self._run(f"SELECT key, value FROM ended WHERE key IN ({marks})", *keys)[0]
        return dict(found)

    def compare_and_set(self, key, old, new, exp):
        if old is None:
            sql = "INSERT OR IGNORE INTO ended VALUES (?, ?, ?)"
            return self._run(sql, key, new, exp)[1] == 1
        sql = "UPDATE ended SET value = ?, exp = ? WHERE key = ? AND value = ?"
        return self._run(sql, new, exp, key, old)[1] == 1

    def purge(self):
        return self._run("DELETE FROM ended WHERE exp < ?", int(time.time()))[1]

    def _run(self, sql, *values):
        try:
            with closing(sqlite3.connect(self.options["path"], timeout=10)) as file, file:
                cursor = file.execute(sql, values)
                return cursor.fetchall(), cursor.rowcount
        except sqlite3.Error as error:
            raise BlacklistUnavailable(str(error)) from error
