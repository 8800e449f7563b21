"""Tests that start servers, or need the one and no other: `make test-services` runs them."""
