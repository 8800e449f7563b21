"""What in the documentation is no test of this checkout."""

# Shown as it would stand in a project's own folder; spec_tests runs it there.
collect_ignore = ["own_backend", "testing"]
