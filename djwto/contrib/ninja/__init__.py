"""For Django Ninja. Needs `djwto[ninja]`."""
