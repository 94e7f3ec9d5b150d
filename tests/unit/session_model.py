"""What a model of sessions knows, by which the state machine judges the product."""

from dataclasses import dataclass
from typing import Any

from tests.support import forge
from tests.unit import session_world as world


@dataclass
class Family:
    """What the model knows of a session; instants in whole seconds."""

    sid: str
    transport: str
    expires_at: int
    confirmed_at: int
    refresh_expires_at: int  # of the newest refresh token that was given out
    generation: int = 1
    revoked_at: int | None = None

    def note_expired(self, now: int) -> None:
        """An expired token has come: if the session is over by age, too, it is so for good."""
        if self.revoked_at is None and now >= self.expires_at:
            self.revoked_at = now

    def is_live(self, now: int) -> bool:
        return self.revoked_at is None and now < self.expires_at

    def confirm(self, generation: int, now: int) -> None:
        if generation > self.generation and self.is_live(now):
            self.generation, self.confirmed_at = generation, now
            self.refresh_expires_at = min(now + world.REFRESH_TTL, self.expires_at)

    def is_superseded(self, generation: int, now: int) -> bool:
        is_late = generation == self.generation - 1 and now < self.confirmed_at + world.LEEWAY
        return generation < self.generation and not is_late


@dataclass(frozen=True)
class Token:
    family: int
    text: str

    @property
    def claims(self) -> dict[str, Any]:
        return forge.read(self.text)
