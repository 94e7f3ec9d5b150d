"""A state machine of clients who use tokens as they are meant to be used: none of them is signed out."""

from flask import Flask
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.support import forge
from tests.unit import session_world as world
from tests.unit.session_world import World, make_world


class HonestClients(RuleBasedStateMachine):
    """Each uses the newest token it has, loses answers, repeats itself, and is late by less than the leeway."""

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self.world: World = make_world(app)

    def teardown(self) -> None:
        self.world.close()

    @initialize(how=st.sampled_from(["cookie", "body", "bearer"]), adopts=st.booleans())
    def sign_in(self, how: str, adopts: bool) -> None:
        pair = self.world.sign_in("cookie" if how == "cookie" else "body")
        assert pair.refresh_token
        self.how, self.access, self.refresh_token = how, pair.access_token, pair.refresh_token
        # A Bearer client may ignore the successors it is offered.
        self.adopts = adopts or how != "bearer"
        self.before: tuple[str, int] | None = None

    @rule(seconds=world.waits())
    def wait(self, seconds: int) -> None:
        self.world.wait(seconds)

    @rule(is_lost=st.booleans())
    def call(self, is_lost: bool) -> None:
        if self.world.now >= forge.read(self.access)["exp"]:
            return
        reply = self.world.me(self.access)
        assert reply.status_code == 200, reply.text
        if not is_lost:
            self.access = reply.headers.get("X-New-Token", self.access)

    @rule(is_lost=st.booleans())
    def refresh(self, is_lost: bool) -> None:
        token = self.refresh_token
        if self.world.now >= forge.read(token)["exp"]:
            return
        reply, successor = self.world.refresh(token, self.how)
        assert reply.status_code == 200, reply.text
        if is_lost:
            return
        self.access = reply.json["access_token"]
        if successor and self.adopts:
            self.before, self.refresh_token = (token, self.world.now), successor

    @rule()
    def a_late_request_with_the_token_before_arrives(self) -> None:
        """Another tab sent it before this one had stored the successor."""
        if self.before is None or self.world.now >= self.before[1] + world.LEEWAY:
            return
        assert self.world.refresh(self.before[0], self.how)[0].status_code == 200
