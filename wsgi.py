"""The WSGI application: `gunicorn wsgi:app`, `flask --app wsgi …`."""

import sys

from webapp import create_app, postman
from webapp.config import ConfigError, load_settings

try:
    settings = load_settings()
    app = create_app(settings)
except ConfigError as error:
    # One clear line a setting, no traceback; gunicorn.conf.py has checked before any worker gets here.
    print(f"Evergreen cannot start:\n{error}", file=sys.stderr)
    raise SystemExit(1) from None

postman.employ(app, settings)
