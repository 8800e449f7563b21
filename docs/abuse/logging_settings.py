# settings.py
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {message}", "style": "{"},
    },
    "handlers": {
        "security": {"class": "logging.StreamHandler", "formatter": "line"},
    },
    "loggers": {
        "djwto.security": {"handlers": ["security"], "level": "INFO", "propagate": False},
    },
}
