"""The demo's manage.py. `make demo` calls `manage.py demo`; Django's own commands work too."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    # Not setdefault(): a shell that works on another project may have the variable set.
    os.environ["DJANGO_SETTINGS_MODULE"] = "demo.settings"
    execute_from_command_line(sys.argv)
