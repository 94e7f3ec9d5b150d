"""What a session is given: an access token, and the refresh token that goes with it. Neither outlives the session."""

from dataclasses import dataclass
from datetime import datetime

from webapp import tokens
from webapp.config import Settings
from webapp.session_state import SessionState


@dataclass(frozen=True, slots=True)
class TokenPair:
    """An access token, and a refresh token if one was handed out; their lives in seconds."""

    access_token: str
    expires_in: int
    refresh_token: str | None
    refresh_expires_in: int
    session: SessionState


def issue(settings: Settings, session: SessionState, *, gen: int | None, rgen: int | None, now: datetime) -> TokenPair:
    """Mint an access token, which confirms generation `rgen` when it is used, and a refresh token of generation `gen`;
    None leaves either out. Neither token outlives the session."""
    user_id, sid = session.user.id, session.sid
    access_end = min(now + settings.access_ttl, session.expires_at)
    refresh_end = end_of_refresh(settings, now=now, session_end=session.expires_at)
    access_token = tokens.mint_access(
        settings,
        user_id=user_id,
        sid=sid,
        authenticated_at=session.authenticated_at,
        rgen=rgen,
        now=now,
        expires_at=access_end,
    )
    refresh_token = None
    # With refresh switched off, the cookie by which pages know the user is all that is left of refresh tokens.
    if gen is not None and (settings.refresh_token_enabled or session.transport == "cookie"):
        refresh_token = tokens.mint_refresh(
            settings, user_id=user_id, sid=sid, gen=gen, now=now, expires_at=refresh_end
        )
    return TokenPair(access_token, _seconds(now, access_end), refresh_token, _seconds(now, refresh_end), session)


def end_of_refresh(settings: Settings, *, now: datetime, session_end: datetime) -> datetime:
    """Return when a refresh token ends that is given out now."""
    return min(now + settings.refresh_ttl, session_end)


def _seconds(now: datetime, end: datetime) -> int:
    return int(end.timestamp()) - int(now.timestamp())
