"""For Django REST framework. Needs `djwto[drf]`."""
