"""The tables: columns only. What is done with them lives in the use cases.

Its length is that of the schema."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, UtcDateTime

EMAIL_LENGTH = 254
NAME_LENGTH = 100
USER_AGENT_LENGTH = 400
ADDRESS_LENGTH = 45
ACTIVITY_LENGTH = 100
PASSKEY_NAME_LENGTH = 60
HOST_LENGTH = 64  # the longest on Linux


# On SQLite the next row would get the id of the last one that was deleted. Whoever has read a row, and comes back to it
# after a while, must not meet another: a token the next user, a mail that is being sent the next mail.
NEVER_AGAIN: Final = {"sqlite_autoincrement": True}

# Rows that come with every day of every session: 32 bits would number a year or some of them. SQLite's INTEGER has 64
# bits, and is the only type of it that numbers rows by itself.
BIG_ID: Final = BigInteger().with_variant(Integer, "sqlite")


class User(Base):
    __tablename__ = "users"
    __table_args__ = (
        # The few of whom one of these is true. SQLite looks for the condition word for word: see user_list.STATES.
        *(
            Index(f"ix_users_{name}", "id", postgresql_where=text(condition), sqlite_where=text(on_sqlite))
            for name, condition, on_sqlite in (
                ("administrators", "is_admin IS true", "is_admin IS 1"),
                ("deactivated", "NOT is_active", "is_active = 0"),
                ("unverified", "NOT email_verified", "email_verified = 0"),
                ("two_step", "totp_enabled_at IS NOT NULL", "totp_enabled_at IS NOT NULL"),
                ("locked", "failed_sign_ins >= 100", "failed_sign_ins >= 100"),
            )
        ),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(EMAIL_LENGTH))
    email_key: Mapped[str] = mapped_column(String(EMAIL_LENGTH * 2), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    first_name: Mapped[str] = mapped_column(String(NAME_LENGTH), default="")
    last_name: Mapped[str] = mapped_column(String(NAME_LENGTH), default="")
    email_verified: Mapped[bool] = mapped_column(default=False)
    is_admin: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Consecutive failed sign-ins from devices that are not known; see throttle.py.
    failed_sign_ins: Mapped[int] = mapped_column(default=0, server_default="0")
    # Devices that signed in before this instant are new again: somebody else may have been among them.
    devices_forgotten_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The second factor: sealed seed, since when it is asked for, and the last time step whose code was taken.
    totp_seed: Mapped[str | None] = mapped_column(String(255))
    totp_enabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    totp_last_step: Mapped[int] = mapped_column(default=0, server_default="0")


class RecoveryCode(Base):
    """One of the codes that stand in for a lost second factor, hashed as a password is; used rows are deleted."""

    __tablename__ = "recovery_codes"
    __table_args__ = NEVER_AGAIN

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[str] = mapped_column(String(200))
    made_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # None: before this was written down


class Passkey(Base):
    """A WebAuthn credential: what proves, without a password, that its owner is there."""

    __tablename__ = "passkeys"
    __table_args__ = NEVER_AGAIN

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[str] = mapped_column(String(1400), unique=True)  # base64url of at most 1023 bytes
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int]
    transports: Mapped[list[str]] = mapped_column(JSON, default=list)
    name: Mapped[str] = mapped_column(String(PASSKEY_NAME_LENGTH))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class OneTimeToken(Base):
    """A secret that opens one thing once, kept as its SHA-256 only. Used and expired rows stay until purged."""

    __tablename__ = "one_time_tokens"
    __table_args__ = (Index(None, "user_id", "purpose"), Index(None, "expires_at"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(BIG_ID, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    purpose: Mapped[str] = mapped_column(String(32))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    email: Mapped[str | None] = mapped_column(String(EMAIL_LENGTH))
    session_id: Mapped[str | None] = mapped_column(String(22))
    # Of remedies: when that happened which they undo.
    since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class OutboxMail(Base):
    """A mail that is still to be sent: what it is about, never its text or a link. Sent rows are deleted."""

    __tablename__ = "outbox_mails"
    __table_args__ = (Index(None, "failed_at", "next_attempt_at"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(BIG_ID, primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    user_id: Mapped[int | None]
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    next_attempt_at: Mapped[datetime] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(String(200), default="")
    failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AuthSession(Base):
    """One sign-in on one device: the token family. No token and no hash of one is stored."""

    __tablename__ = "auth_sessions"
    __table_args__ = (
        # The latest seen: of all, of a user, of an address.
        *(Index(None, *column, "last_seen_at", "id") for column in ((), ("user_id",), ("ip",))),
        # Which are past their end, and all that is asked to know how many are active.
        Index("ix_auth_sessions_ends", "expires_at", "revoked_at", "refresh_expires_at", "last_seen_at"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    transport: Mapped[str] = mapped_column(String(6))
    remember: Mapped[bool]
    generation: Mapped[int] = mapped_column(default=1)
    confirmed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # The host whose clock that is, since the leeway is counted from it.
    confirmed_on: Mapped[str] = mapped_column(String(HOST_LENGTH), default="", server_default=text("''"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    authenticated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # When the newest refresh token ends that was given out, to a minute: what lists go by; a token has its own end.
    refresh_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_reason: Mapped[str | None] = mapped_column(String(32))
    user_agent: Mapped[str] = mapped_column(String(USER_AGENT_LENGTH), default="")
    ip: Mapped[str] = mapped_column(String(ADDRESS_LENGTH), default="")
    activity: Mapped[str] = mapped_column(String(ACTIVITY_LENGTH), default="", server_default=text("''"))
    refreshed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SessionRefresh(Base):
    """That a session was given new tokens: one row a minute and session at most. Outlives it, for the charts."""

    __tablename__ = "session_refreshes"
    __table_args__ = (Index(None, "session_id", "at"), Index(None, "method", "at"), Index(None, "at"))

    id: Mapped[int] = mapped_column(BIG_ID, primary_key=True)
    session_id: Mapped[str] = mapped_column(String(22))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    method: Mapped[str] = mapped_column(String(6))  # "silent" or "manual"
    generation: Mapped[int]


class AuditEvent(Base):
    """Something that happened to an account. Outlives the user and the session it names: no foreign keys."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index(None, "account_key", "at"),
        *(Index(None, column, "at", "id") for column in ("user_id", "kind", "actor_id", "ip")),
        Index(None, "at", "id"),
    )

    id: Mapped[int] = mapped_column(BIG_ID, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(32))
    user_id: Mapped[int | None]
    actor_id: Mapped[int | None]
    session_id: Mapped[str | None] = mapped_column(String(22), index=True)
    account_key: Mapped[str | None] = mapped_column(String(64))
    ip: Mapped[str] = mapped_column(String(ADDRESS_LENGTH), default="")
    user_agent: Mapped[str] = mapped_column(String(USER_AGENT_LENGTH), default="")
    request_id: Mapped[str] = mapped_column(String(64), default="")
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class Product(Base):
    """The example of a protected resource."""

    __tablename__ = "products"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH), unique=True)
    description: Mapped[str] = mapped_column(Text, default="")
    price_cents: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3), default="EUR")
