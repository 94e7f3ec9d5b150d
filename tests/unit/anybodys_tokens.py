"""A state machine in which every token may come back at any time: a model says what each must do then."""

from typing import Any

from flask import Flask
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, precondition, rule

from tests.unit import session_world as world
from tests.unit.session_model import Family, Token
from tests.unit.session_world import World, make_world


class AnybodysTokens(RuleBasedStateMachine):
    """Every token that was ever issued may come back at any time, by whoever has it."""

    tokens = Bundle("tokens")

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self.world: World = make_world(app)
        self.families: list[Family] = []
        self.issued: list[Token] = []

    def teardown(self) -> None:
        self.nothing_of_an_ended_session_works()
        self.world.close()

    # --- what happens --------------------------------------------------------------------------------

    @precondition(lambda self: len(self.families) < 3)
    @rule(target=tokens, transport=st.sampled_from(["cookie", "body"]))
    def sign_in(self, transport: str) -> Any:
        now, pair = self.world.now, self.world.sign_in(transport)
        session = pair.session
        family = Family(session.sid, transport, now + world.SESSION_MAX, now, now + world.REFRESH_TTL)
        self.families.append(family)
        number = len(self.families) - 1
        assert pair.refresh_token
        return multiple(self.taken(number, pair.access_token), self.taken(number, pair.refresh_token))

    @rule(target=tokens, token=tokens, as_bearer=st.booleans())
    def use_any_token(self, token: Token, as_bearer: bool) -> Any:
        return self.refresh(token, as_bearer) if "gen" in token.claims else self.call(token)

    @precondition(lambda self: self.issued)
    @rule(target=tokens, back=st.integers(0, 4))
    def use_a_recent_refresh_token(self, back: int) -> Any:
        """The newest, as honest clients do, so that generations move on; or one that was superseded lately."""
        newest = {token.claims["gen"]: token for token in self.issued if token.family == self.issued[-1].family
                  and "gen" in token.claims}  # fmt: skip
        generations = sorted(newest, reverse=True)
        return self.refresh(newest[generations[min(back, len(generations) - 1)]], as_bearer=False)

    @rule(token=tokens, is_meant=st.sampled_from([False] * 7 + [True]))
    def sign_out(self, token: Token, is_meant: bool) -> None:
        if not is_meant:
            return
        assert self.world.sign_out(token.text).status_code == 204
        family = self.family(token)
        family.revoked_at = family.revoked_at or self.world.now

    @rule(seconds=world.waits())
    def wait(self, seconds: int) -> None:
        self.world.wait(seconds)

    def refresh(self, token: Token, as_bearer: bool) -> Any:
        how = "cookie" if self.family(token).transport == "cookie" else "bearer" if as_bearer else "body"
        is_over = self.is_called_over(token)
        reply, successor = self.world.refresh(token.text, how)
        expected, code, gen = self.verdict_on_refresh(token, how)
        assert (reply.status_code, (reply.json or {}).get("code")) == (expected, code)
        assert (successor is None) == (gen is None)
        if reply.status_code != 200:
            return multiple()
        assert not is_over
        access = self.taken(token.family, reply.json["access_token"])
        is_successor = gen == token.claims["gen"] + 1 and gen > self.family(token).generation
        assert access.claims.get("rgen") == (gen if is_successor and how != "bearer" else None)
        if successor is None:
            return access
        made = self.taken(token.family, successor)
        # No fork: whoever is given a successor of one generation is given the same generation.
        assert made.claims["gen"] == gen
        return multiple(access, made)

    def call(self, token: Token) -> Any:
        now, family, claims = self.world.now, self.family(token), token.claims
        is_over = self.is_called_over(token)
        reply = self.world.me(token.text)
        if now >= claims["exp"] + world.SKEW:
            assert (reply.status_code, reply.json["code"]) == (401, "token_expired")
            family.note_expired(now)
            return multiple()
        if not family.is_live(now):
            assert (reply.status_code, reply.json["code"]) == (401, "session_ended")
            return multiple()
        assert reply.status_code == 200
        assert not is_over
        family.confirm(claims.get("rgen") or 0, now)
        gains = min(now + world.ACCESS_TTL, family.expires_at) > claims["exp"]
        is_due = 0 < claims["exp"] - now < world.THRESHOLD and gains
        renewed = reply.headers.get("X-New-Token")
        assert (renewed is not None) == is_due
        if renewed is None:
            return multiple()
        made = self.taken(token.family, renewed)
        assert made.claims.get("rgen") == claims.get("rgen")
        assert made.claims["auth_time"] == claims["auth_time"]
        return made

    # --- what must hold ------------------------------------------------------------------------------

    @invariant()
    def the_rows_agree_with_the_model(self) -> None:
        """So revoked stays revoked, at the moment it was, and nothing moves a session's absolute end."""
        for family in self.families:
            row = self.world.row(family.sid)
            revoked_at = row.revoked_at and int(row.revoked_at.timestamp())
            assert (row.generation, revoked_at) == (family.generation, family.revoked_at)
            assert int(row.confirmed_at.timestamp()) == family.confirmed_at
            # What is given out within a minute need not be written down.
            assert 0 <= family.refresh_expires_at - row.refresh_expires_at.timestamp() <= world.MINUTE
            assert int(row.expires_at.timestamp()) == family.expires_at

    def nothing_of_an_ended_session_works(self) -> None:
        """R11: no token, newest or oldest, whatever the leeway."""
        for token in self.issued:
            if self.family(token).is_live(self.world.now):
                continue
            if "gen" in token.claims:
                how = "cookie" if self.family(token).transport == "cookie" else "body"
                assert self.world.refresh(token.text, how)[0].status_code == 401
            else:
                assert self.world.me(token.text).status_code == 401

    # --- the model -----------------------------------------------------------------------------------

    def family(self, token: Token) -> Family:
        return self.families[token.family]

    def is_called_over(self, token: Token) -> bool:
        """Whether lists do not show the session of a token before its end, as they must if it is served (V08)."""
        return self.world.now < token.claims["exp"] and not self.world.is_listed(self.family(token).sid)

    def taken(self, number: int, text: str) -> Token:
        """Note a token that was handed out; R10: none outlives its session, and each belongs to it."""
        token = Token(number, text)
        family, claims = self.families[number], token.claims
        assert claims["sid"] == family.sid
        life = world.REFRESH_TTL if "gen" in claims else world.ACCESS_TTL
        assert claims["exp"] == min(self.world.now + life, family.expires_at)
        if "gen" in claims:
            family.refresh_expires_at = max(family.refresh_expires_at, claims["exp"])
        self.issued.append(token)
        return token

    def verdict_on_refresh(self, token: Token, how: str) -> tuple[int, str | None, int | None]:
        """Return status, code, and the generation that is handed out if any; the model moves on as the row must."""
        now, family, claims = self.world.now, self.family(token), token.claims
        if now >= claims["exp"] + world.SKEW:
            family.note_expired(now)
            return 401, "token_expired", None
        family.confirm(claims["gen"], now)
        if family.is_superseded(claims["gen"], now):
            family.revoked_at = family.revoked_at or now
            return 401, "token_reused", None
        if not family.is_live(now):
            return 401, "session_ended", None
        if claims["gen"] < family.generation:
            return 200, None, None if how == "cookie" else family.generation
        is_young = how == "bearer" and now - claims["iat"] < world.ROTATE_AFTER
        return 200, None, None if is_young else claims["gen"] + 1
