"""Evergreen: a Flask web app whose sign-ins renew themselves. This file wires it together and decides nothing."""

from typing import Any
from urllib.parse import urlsplit

from flask import Flask, g
from flask_cors import CORS
from flask_mailman import Mail
from flask_migrate import Migrate
from werkzeug.middleware.proxy_fix import ProxyFix

from webapp import cli, logs, token_signing
from webapp.config import INSTANCE, ROOT, Settings, load_settings
from webapp.database import database_config, db
from webapp.web import bodies, context, guard, health, hooks, limits, problems, static_files
from webapp.web.api import auth as api_auth
from webapp.web.api import introspection as api_introspection
from webapp.web.api import me, products
from webapp.web.api import passkeys as api_passkeys
from webapp.web.api import registration as api_registration
from webapp.web.api import second_factor as api_second_factor
from webapp.web.api import sessions as api_sessions
from webapp.web.application import Application, FormProtection
from webapp.web.converters import RowIdConverter, SessionIdConverter
from webapp.web.pages import account, admin, admin_users, api_docs, dev_mail, home, second_factor, security
from webapp.web.pages import auth as pages_auth
from webapp.web.pages import recovery as pages_recovery
from webapp.web.pages import registration as pages_registration
from webapp.web.security_headers import SecurityHeaders
from webapp.web.spellings import ClientWithoutPort, HostInLowerCase

LOOPBACK_HOSTS = ["localhost", "127.0.0.1"]  # for those who watch the service from its own machine


def create_app(settings: Settings | None = None) -> Flask:
    """Return the WSGI application. Raises ConfigError if `settings` are left out and the environment's are wrong."""
    settings = settings or load_settings()
    app = Application(
        __name__,
        instance_path=str(INSTANCE),
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "static"),
    )
    app.config.from_mapping(_flask_config(settings), **database_config(settings))
    app.extensions["settings"] = settings
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the order of contract and schemas
    app.wsgi_app = SecurityHeaders(app.wsgi_app, is_https=settings.is_https)  # type: ignore[method-assign]
    app.wsgi_app = HostInLowerCase(app.wsgi_app)  # type: ignore[method-assign]
    if settings.trusted_proxies:
        count = settings.trusted_proxies
        app.wsgi_app = ClientWithoutPort(app.wsgi_app)  # type: ignore[method-assign]
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
    logs.init_app(settings)
    db.init_app(app)
    Migrate(app, db, directory=str(ROOT / "migrations"), render_as_batch=True)
    token_signing.init_app(app)
    Mail(app)
    for part in (context, bodies, hooks, problems, guard, static_files, cli):
        part.init_app(app)
    csrf = FormProtection(app)
    limits.init_app(app, settings)
    _register_blueprints(app, settings, csrf)
    _allow_origins(app, settings)
    app.context_processor(_template_context)
    return app


def _flask_config(settings: Settings) -> dict[str, Any]:
    prefix = "__Host-" if settings.is_https else ""
    secret, *previous = settings.secrets
    return {
        "SECRET_KEY": secret,
        "SECRET_KEY_FALLBACKS": previous,
        "WTF_CSRF_SECRET_KEY": [*previous, secret],  # the last one signs; Flask-WTF knows no fallbacks
        "TRUSTED_HOSTS": [urlsplit(settings.base_url).hostname, *LOOPBACK_HOSTS],
        "SESSION_COOKIE_NAME": f"{prefix}session",
        "SESSION_COOKIE_SECURE": settings.is_https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "WTF_CSRF_TIME_LIMIT": 12 * 3600,
        # The Referer header is not needed beside the token, and a proxy or a browser may take it away.
        "WTF_CSRF_SSL_STRICT": False,
        "JWT_TOKEN_LOCATION": ["headers"],
        # Our guard's origin rule takes its place: front ends of other origins cannot read the API's cookies.
        "JWT_COOKIE_CSRF_PROTECT": False,
    }


def _register_blueprints(app: Flask, settings: Settings, csrf: FormProtection) -> None:
    app.url_map.converters |= {"session_id": SessionIdConverter, "row_id": RowIdConverter}
    apis = [
        api_auth.auth_api,
        api_registration.registration_api,
        me.me_api,
        api_second_factor.second_factor_api,
        api_passkeys.passkeys_api,
        api_sessions.sessions_api,
        products.products_api,
        api_introspection.introspection_api,
    ]
    if settings.refresh_token_enabled:
        apis.append(api_auth.refresh_api)
    for api in apis:
        csrf.exempt(api)  # no page's cookie opens the API by itself: see web/credentials.py
        app.register_blueprint(api, url_prefix="/api")
    pages = [
        home.home,
        pages_auth.auth,
        pages_registration.pages,
        pages_recovery.pages,
        account.account,
        security.pages,
        admin.pages,
        admin_users.pages,
        api_docs.pages,
    ]
    if settings.is_development:
        pages.append(dev_mail.pages)
    for page in (*pages, second_factor.pages, health.health):
        app.register_blueprint(page)


def _allow_origins(app: Flask, settings: Settings) -> None:
    if not settings.origin_patterns:
        return
    CORS(
        app,
        resources=[r"/api/(?!docs\Z).*", r"/static/js/evergreen/.*"],  # the page about the API is ours alone
        origins=list(settings.origin_patterns),
        methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type"],
        # WWW-Authenticate too: by it a client tells our 401 from another's. Date: by it, how long a token has left.
        expose_headers=["X-New-Token", "Retry-After", "WWW-Authenticate", "Date"],
        supports_credentials=True,
        max_age=600,
        always_send=False,
    )


def _template_context() -> dict[str, Any]:
    return {"viewer": g.get("auth")}
