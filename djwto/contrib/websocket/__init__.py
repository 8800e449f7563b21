"""For WebSockets, of Channels or of any other application of ASGI. Needs nothing but Django."""
