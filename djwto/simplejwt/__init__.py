"""The change-over from djangorestframework-simplejwt and from what has its tokens and tables."""
