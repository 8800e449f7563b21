"""Apps of their own, each to be added to INSTALLED_APPS. The core imports none of them."""
