"""The Django project that the suite runs in where it is given no other."""
