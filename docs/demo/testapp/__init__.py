"""The project's one app: its page, and what listens to djwto's signals."""

USERS = ("alice", "bob")
"""Who can log in, with the password "pass"."""
