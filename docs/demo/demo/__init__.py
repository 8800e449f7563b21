"""The project: its settings, its URLs, and what the environment chooses."""
