"""Django REST framework with Simple JWT and its blacklist, as its documentation sets them up.

https://django-rest-framework-simplejwt.readthedocs.io/en/latest/getting_started.html and /blacklist_app.html. The
access token is verified and its user read; only refresh tokens are looked for in the blacklist.
`python -m bench.peers.simplejwt` makes the database."""

import os
from datetime import timedelta
from typing import Any

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application

settings.configure(
    SECRET_KEY="bench-only-0123456789-abcdefghijklmnopqrstuvwxyz",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["DATABASE_URL"].removeprefix("sqlite:///"),
            "OPTIONS": {"timeout": 15},
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "rest_framework",
        "rest_framework_simplejwt",
        "rest_framework_simplejwt.token_blacklist",
    ],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ("rest_framework_simplejwt.authentication.JWTAuthentication",),
        "DEFAULT_RENDERER_CLASSES": ("rest_framework.renderers.JSONRenderer",),
    },
    SIMPLE_JWT={
        "ROTATE_REFRESH_TOKENS": True,
        "BLACKLIST_AFTER_ROTATION": True,
        "ACCESS_TOKEN_LIFETIME": timedelta(days=1),  # as Evergreen's; its five minutes end before the measuring does
    },
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework.decorators import api_view, permission_classes  # noqa: E402
from rest_framework.permissions import IsAuthenticated  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView  # noqa: E402


@api_view(["GET"])
@permission_classes([IsAuthenticated])
def me(request: Any) -> Any:
    user = request.user
    names = {"first_name": user.first_name, "last_name": user.last_name}
    return Response({"id": user.id, "email": user.email, **names, "email_verified": True})


urlpatterns = [
    path("api/me", me),
    path("login", TokenObtainPairView.as_view()),
    path("refresh", TokenRefreshView.as_view()),
]
app = get_wsgi_application()


def prepare() -> None:
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    names = {"first_name": "John", "last_name": "Doe"}
    User.objects.create_user("test@test.com", "test@test.com", "Test123!", **names)


if __name__ == "__main__":
    prepare()
