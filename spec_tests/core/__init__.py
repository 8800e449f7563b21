"""Tests of the core and of the backends that come with it, which need no backend of one's own."""
