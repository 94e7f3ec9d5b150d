"""The WSGI application: `gunicorn wsgi:app`, `flask --app wsgi …`."""

from webapp import create_app, postman
from webapp.cli.setup import explain_failed_start, refuse_foreign_env
from webapp.config import ConfigError, load_settings

try:
    refuse_foreign_env()
    settings = load_settings()
    app = create_app(settings)
except (ConfigError, OSError) as error:
    # One clear line a setting, no traceback; gunicorn.conf.py has checked before any worker gets here.
    explain_failed_start(error)

postman.employ(app, settings)
