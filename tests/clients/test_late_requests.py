"""A client that refreshes twice at once, one step at a time; authlib stands for every OAuth client."""

from authlib.integrations.requests_client import OAuth2Session

from tests.support.live import LiveServer
from tests.support.people import EMAIL

HOUR = 3600


def email(client: OAuth2Session, server: LiveServer) -> str:
    return str(client.get(f"{server.url}/api/me").json()["email"])


def test_a_client_left_with_what_a_late_refresh_gave_is_still_signed_in_the_next_day(
    server: LiveServer, authlib: OAuth2Session
) -> None:
    """RFC 6749 §6: a client replaces its refresh token if the answer brings one, and keeps what it sent if not."""
    sent_twice = authlib.token["refresh_token"]
    authlib.refresh_token()
    assert email(authlib, server) == EMAIL  # the successor has arrived
    authlib.refresh_token(refresh_token=sent_twice)
    server.move_clock(50 * HOUR)
    authlib.refresh_token()
    assert email(authlib, server) == EMAIL
