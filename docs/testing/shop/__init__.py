"""A shop with one view, for the tests beside it."""
