"""Whom clients log in as: each as a user of its own."""

PASSWORD = "a password"
NAMES = [f"user{number}" for number in range(6)]
