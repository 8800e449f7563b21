"""A project whose users have no name but an e-mail address, and UUIDs for keys."""
