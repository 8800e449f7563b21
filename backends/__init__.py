"""The blacklists that come with djwto. Each keeps the contract of `djwto.blacklist`."""
