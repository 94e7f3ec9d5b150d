"""Waiting for a hash: so many may and no more, one thread hashes, and every place is given back."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from argon2.exceptions import HashingError, VerifyMismatchError
from flask import Flask

from tests.support import people
from webapp import passwords
from webapp.errors import TooBusy
from webapp.passwords import WAITING_AT_MOST

STORED = "$argon2id$the one on record"


class SlowHasher:
    """Takes as long for a hash as the test says, and counts how many are made at once."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.at_once = self.most_at_once = 0
        self.made_by: set[int] = set()
        self.error: Exception | None = None

    def hash(self, password: str) -> str:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.made_by.add(threading.get_ident())
        assert self.may_go_on.wait(20)
        self.at_once -= 1
        if self.error:
            raise self.error
        return f"hash of {password}"

    def verify(self, stored: str, password: str) -> bool:
        if self.hash(password) and stored != STORED:
            raise VerifyMismatchError
        return True


@pytest.fixture
def hasher(monkeypatch: pytest.MonkeyPatch) -> SlowHasher:
    slow = SlowHasher()
    monkeypatch.setattr(passwords, "_hasher", slow)
    return slow


def free_places() -> int:
    """How many could begin to wait now."""
    taken = 0
    while passwords._admitted.acquire(blocking=False):
        taken += 1
    for _ in range(taken):
        passwords._admitted.release()
    return taken


@contextmanager
def queue(hasher: SlowHasher, ask: Callable[[int], Any], size: int = WAITING_AT_MOST) -> Iterator[list[Future[Any]]]:
    """So many wait for their hash inside the block; it ends when all have it."""
    with ThreadPoolExecutor(size) as pool:
        try:
            waiting = [pool.submit(ask, number) for number in range(size)]
            deadline = time.monotonic() + 20
            while free_places() > WAITING_AT_MOST - size:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            yield waiting
        finally:
            hasher.may_go_on.set()


ASKING: list[Callable[[int], Any]] = [
    lambda number: passwords.hash_password(f"password {number}"),
    lambda number: passwords.verify_password(STORED, f"password {number}"),
]
REFUSED: list[Callable[[int], Any]] = [
    *ASKING,
    lambda _: passwords.verify_password(None, "x"),
    lambda _: passwords.require_room(),
]


@pytest.mark.parametrize("ask", ASKING, ids=["hash", "verify"])
def test_one_more_than_may_wait_is_told_to_come_back_and_the_others_get_their_hash(
    hasher: SlowHasher, ask: Callable[[int], Any]
) -> None:
    with queue(hasher, ask) as waiting:
        for refused in REFUSED:
            began = time.monotonic()
            with pytest.raises(TooBusy) as caught:
                refused(0)
            assert caught.value.retry_after == 1
            assert time.monotonic() - began < 5, "at once: nobody has a hash yet"
        assert not any(task.done() for task in waiting)
    results = [task.result() for task in waiting]
    assert results in ([f"hash of password {number}" for number in range(WAITING_AT_MOST)], [True] * WAITING_AT_MOST)
    assert free_places() == WAITING_AT_MOST
    passwords.require_room()


def test_one_thread_hashes_however_many_wait(hasher: SlowHasher) -> None:
    with queue(hasher, ASKING[0]):
        pass
    assert (hasher.most_at_once, len(hasher.made_by)) == (1, 1)
    assert threading.get_ident() not in hasher.made_by


def test_the_last_place_is_given(hasher: SlowHasher) -> None:
    with queue(hasher, ASKING[0], WAITING_AT_MOST - 1):
        passwords.require_room()
        assert free_places() == 1, "asking whether there is room takes none"


@pytest.mark.parametrize("ask", ASKING, ids=["hash", "verify"])
def test_a_hash_that_fails_gives_its_place_back(hasher: SlowHasher, ask: Callable[[int], Any]) -> None:
    """Without memory, say: the sign-in fails, and the next has its place."""
    hasher.error = MemoryError() if ask is ASKING[0] else HashingError("out of memory")
    with queue(hasher, ask) as waiting:
        pass
    assert {type(task.exception()) for task in waiting} == {type(hasher.error)} or ask is ASKING[1]
    assert free_places() == WAITING_AT_MOST
    hasher.error = None
    assert passwords.hash_password("x") == "hash of x"


def test_a_refusal_takes_no_place_and_gives_none(hasher: SlowHasher) -> None:
    with queue(hasher, ASKING[0]):
        for _ in range(3):
            with pytest.raises(TooBusy):
                passwords.hash_password("x")
        assert free_places() == 0
    assert free_places() == WAITING_AT_MOST


def test_a_wrong_password_gives_its_place_back(hasher: SlowHasher) -> None:
    hasher.may_go_on.set()
    for _ in range(WAITING_AT_MOST + 1):
        assert not passwords.verify_password("$argon2id$another", "x")
    assert free_places() == WAITING_AT_MOST


@pytest.mark.sends_what_is_kept  # its hasher keeps passwords as they are
def test_a_sign_in_that_finds_no_place_is_told_when_to_come_back_while_other_calls_go_on(
    make_app: Callable[..., Flask], hasher: SlowHasher
) -> None:
    hasher.may_go_on.set()
    app = make_app()
    people.create_user(app)
    hasher.may_go_on.clear()
    with queue(hasher, ASKING[0]):
        for path, body in (
            ("/api/login", {"email": people.EMAIL, "password": people.PASSWORD}),
            ("/api/register", {"email": "new@example.com", "password": "correct horse battery staple"}),
        ):
            reply = app.test_client().post(path, json=body)
            assert (reply.status_code, reply.headers["Retry-After"]) == (503, "1")
            assert '"too_busy"' in reply.text
        assert app.test_client().get("/healthz").status_code == 200
