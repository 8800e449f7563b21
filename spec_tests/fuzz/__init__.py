"""Requests that nobody expects, over all of HTTP, and one judge of what comes of them."""
