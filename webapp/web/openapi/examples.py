"""One example of each shape, for who reads the description and for its page to begin with: in development those of
requests run as they are, since the demo user is in them.

Longer than other files, since the API has so many shapes."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from webapp import demo
from webapp.config import Settings
from webapp.web import answers, schemas
from webapp.web.openapi.shapes import (
    CreationOptions,
    IntrospectionAnswer,
    IntrospectionForm,
    LivenessAnswer,
    PersonalData,
    PublicKeys,
    ReadinessAnswer,
    RefreshForm,
    RequestOptions,
)

_ADDRESS: Final = "user@example.com"
_PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - nobody's
_NEW_PASSWORD: Final = "another horse, another staple"  # noqa: S105 - nobody's
_TOKEN: Final = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.…"  # noqa: S105 - shortened, and nobody's
_LINK: Final = "0uWpe6M5hXQmTq0Vn4eXkYw1c2Jr8sLd7tGfA9bZx3o"
_SID: Final = "q3hZ0v8kSxWmUe2rTn5yLA"
_CHALLENGE: Final = "vK3nXz0yQp8uWb1sRt6LdMeHf2Jc9gAa5oTiE7xYwUk"
_EARLIER: Final = "2026-11-02T08:15:00Z"
_LATER: Final = "2026-11-02T09:40:12Z"
_USER: Final = {"id": 1, "email": _ADDRESS, "first_name": "John", "last_name": "Doe", "email_verified": True}
_CODES: Final = [f"ABCD-EFGH-IJKL-{last}" for last in ("MNOP", "QRST", "UVWX")]
_ASSERTION: Final = {
    "id": "AbCdEf",
    "rawId": "AbCdEf",
    "type": "public-key",
    "response": {"clientDataJSON": "…", "authenticatorData": "…", "signature": "…", "userHandle": "…"},
    "clientExtensionResults": {},
}
_ATTESTATION: Final = {
    **_ASSERTION,
    "response": {"clientDataJSON": "…", "attestationObject": "…", "transports": ["internal"]},
}
_SESSION: Final = {
    "id": _SID,
    "transport": "cookie",
    "created_at": _EARLIER,
    "last_seen_at": _LATER,
    "expires_at": "2026-12-02T08:15:00Z",
    "activity": "GET /api/products",
}
_KEY: Final = {"kty": "OKP", "crv": "Ed25519", "x": _CHALLENGE, "kid": _LINK, "alg": "EdDSA", "use": "sig"}
_PASSKEY: Final = {"name": "Laptop", "created_at": _EARLIER, "last_used_at": _LATER}

EXAMPLES: Final[Mapping[type[BaseModel], Mapping[str, Any]]] = {
    # --- bodies --------------------------------------------------------------------------------------------
    schemas.LoginBody: {"email": _ADDRESS, "password": _PASSWORD, "transport": "body"},
    schemas.RegisterBody: {
        "email": "new@example.com",
        "password": _NEW_PASSWORD,
        "first_name": "John",
        "last_name": "Doe",
    },
    schemas.TokenBody: {"token": _LINK},
    schemas.ForgotBody: {"email": _ADDRESS},
    schemas.ResetBody: {"token": _LINK, "password": _NEW_PASSWORD},
    schemas.PasswordProofBody: {"password": _PASSWORD},
    schemas.PasswordChangeBody: {"current_password": _PASSWORD, "new_password": _NEW_PASSWORD},
    schemas.EmailChangeBody: {"email": "new@example.com", "password": _PASSWORD},
    schemas.CodeBody: {"code": "123456"},
    schemas.PasskeyNameBody: {"name": "Laptop"},
    schemas.PasskeyBody: {"name": "Laptop", "credential": _ATTESTATION},
    schemas.PasskeySignInBody: {"credential": _ASSERTION, "transport": "body"},
    schemas.RefreshBody: {"refresh_token": _TOKEN},
    schemas.ProfileBody: {"first_name": "Jane"},
    IntrospectionForm: {"token": _TOKEN},
    RefreshForm: {"grant_type": "refresh_token", "refresh_token": _TOKEN},
    # --- answers -------------------------------------------------------------------------------------------
    answers.TokenAnswer: {
        "access_token": _TOKEN,
        "refresh_token": _TOKEN,
        "token_type": "bearer",
        "expires_in": 86_400,
        "user": _USER,
    },
    IntrospectionAnswer: {
        "active": True,
        "token_type": "Bearer",
        "iss": "https://accounts.example.com",
        "aud": "https://accounts.example.com/api",
        "sub": "1",
        "username": _ADDRESS,
        "sid": _SID,
        "iat": 1_793_612_400,
        "exp": 1_793_698_800,
        "auth_time": 1_793_612_400,
    },
    answers.UserAnswer: _USER,
    answers.EnrolmentAnswer: {
        "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        "otpauth_uri": f"otpauth://totp/Evergreen:{_ADDRESS}?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Evergreen",
    },
    answers.RecoveryCodesAnswer: {"recovery_codes": _CODES},
    answers.PasskeyAnswer: {"id": 7, **_PASSKEY},
    answers.PasskeysAnswer: {"items": [{"id": 7, **_PASSKEY}]},
    answers.DevicesAnswer: {
        "items": [
            {
                **_SESSION,
                "activity": "Uses the API",
                "device": "Firefox on Linux",
                "browser": "Firefox",
                "system": "Linux",
                "address": "192.0.2.1",
                "place": "",
                "current": True,
            }
        ]
    },
    answers.ProductsAnswer: {
        "items": [{"id": 1, "name": "Fir", "description": "Stays green.", "price_cents": 4900, "currency": "EUR"}],
        "page": 1,
        "per_page": 20,
        "total": 1,
    },
    CreationOptions: {
        "rp": {"id": "example.com", "name": "Evergreen"},
        "user": {"id": "dXNlciAx", "name": _ADDRESS, "displayName": "John Doe"},
        "challenge": _CHALLENGE,
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        "timeout": 60_000,
        "excludeCredentials": [],
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "attestation": "none",
    },
    RequestOptions: {
        "challenge": _CHALLENGE,
        "timeout": 60_000,
        "rpId": "example.com",
        "allowCredentials": [],
        "userVerification": "required",
    },
    PersonalData: {
        "exported_at": _LATER,
        "profile": {
            **_USER,
            "is_admin": False,
            "is_active": True,
            "created_at": _EARLIER,
            "failed_sign_ins": 0,
            "devices_forgotten_at": None,
            "second_factor_since": None,
            "recovery_codes_left": 0,
        },
        "sessions": [
            {
                **_SESSION,
                "device": "Firefox on Linux",
                "remember": True,
                "generation": 2,
                "authenticated_at": _EARLIER,
                "confirmed_at": _LATER,
                "refreshed_at": _LATER,
                "refresh_expires_at": "2026-12-02T08:15:00Z",
                "revoked_at": None,
                "revoked_reason": None,
                "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "ip": "192.0.2.1",
            }
        ],
        "refreshes": [{"session_id": _SID, "at": _LATER, "method": "manual", "generation": 2}],
        "passkeys": [
            {"id": 7, **_PASSKEY, "credential_id": "AbCdEf", "transports": ["internal"], "sign_count": 0},
        ],
        "recovery_codes": [],
        "one_time_tokens": [],
        "mails": [],
        "events": [
            {
                "id": 12,
                "at": _EARLIER,
                "kind": "sign_in",
                "user_id": 1,
                "by": "you",
                "session_id": _SID,
                "ip": "192.0.2.1",
                "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "request_id": "5f0c9d6e1a2b3c4d",
                "detail": {},
            }
        ],
    },
    LivenessAnswer: {"status": "ok"},
    ReadinessAnswer: {"status": "ready"},
    PublicKeys: {"keys": [_KEY]},
}


def examples(settings: Settings) -> Mapping[type[BaseModel], Mapping[str, Any]]:
    """Return them as the settings make them; in development with the demo user in place of nobody, so that requests
    can be sent as they are."""
    user = demo.USERS[0] if settings.is_development else {"email": _ADDRESS, "password": _PASSWORD}
    known: dict[str, Any] = {_ADDRESS: user["email"], _PASSWORD: user["password"]}
    is_by_cookie = "body" not in settings.refresh_token_transports
    if is_by_cookie:
        known["body"] = "cookie"
    found = {
        model: {name: known.get(value, value) if isinstance(value, str) else value for name, value in example.items()}
        for model, example in EXAMPLES.items()
    }
    if is_by_cookie or not settings.refresh_token_enabled:
        del found[answers.TokenAnswer]["refresh_token"]
    return found
