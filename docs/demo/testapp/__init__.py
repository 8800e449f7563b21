"""The project's one app: it listens to djwto's signals."""
