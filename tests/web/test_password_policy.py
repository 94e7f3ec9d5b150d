"""What may be a password (A06 to A09)."""

import pytest
from flask import Flask
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from tests.support.steps import csrf_token, sign_in_by_form
from webapp import passwords
from webapp.errors import InvalidFields

GOOD = "seven quiet hedges"
COMMON = [word for word in FREQUENCY_LISTS["passwords"] if len(word) >= 8]


pytestmark = pytest.mark.usefixtures("clock")


def reason(password: str, *own: str) -> str:
    """Return why a password is refused, or an empty string if it is not."""
    try:
        passwords.check_policy(password, minimum=8, own_words=own)
    except InvalidFields as error:
        return " ".join(error.errors["password"]) or "refused without a word"
    return ""


def test_the_most_common_passwords_are_refused_with_a_reason() -> None:
    """A09: a sample of the whole list, and every one of its first 500."""
    assert len(COMMON) > 3000
    for word in (*COMMON[:500], *COMMON[500::60]):
        assert reason(word), word


@pytest.mark.parametrize(
    "password",
    ["aaaaaaaaaaaaaaa", "abcdefghijklmno", "qwertzuiop", "1234567890123", "hunter2hunter2", "19801980", "Passw0rd!"],
)
def test_repeats_sequences_and_disguises_are_refused(password: str) -> None:
    """A09."""
    assert reason(password)


@pytest.mark.parametrize(
    "password", ["zoe.quill", "zoequill", "Zoe.Quill@example.com", "quillzoe", "evergreen1", "Quill1980"]
)
def test_names_address_and_the_sites_name_are_refused_with_that_reason(password: str) -> None:
    """A09."""
    assert "easy to guess from your name" in reason(password, "zoe.quill@example.com", "Zoe", "Quill")


@pytest.mark.parametrize(
    "password",
    ["brackenfels", "Brackenfels7", "wu.lindqvist-zorn", "lindqvist1", "LINDQVIST", "lindqvistbrezhneva",
     "lindqvist-brezhneva", "lindqvist_brezhneva", "lindqvist brezhneva", "brezhneva.lindqvist"],
)  # fmt: skip
def test_every_part_of_names_and_address_is_guessed_and_two_names_as_one(password: str) -> None:
    """A09: which would be taken if they were nobody's names."""
    own = ("wu.lindqvist-zorn@brackenfels.example", "Lindqvist", "Brezhneva")
    assert reason(password, *own) == "This is easy to guess from your name, your address or the name of this site."
    assert reason(password) == ""


@pytest.mark.parametrize("password", ["tilsworth7", "ondricek12", "marwenbach9"])
def test_words_of_one_name_of_an_address_and_the_first_of_a_domain_are_guessed(password: str) -> None:
    """A09: which are named nowhere by themselves."""
    own = ("wu.ondricek@marwenbach.co.example", "Maia Tilsworth")
    assert "your name" in reason(password, *own)
    assert reason(password) == ""


def test_a_name_of_three_letters_is_guessed_and_initials_are_not() -> None:
    assert "your name" in passwords.rate("zvq", own_words=("Zvq",)).reason
    assert "your name" not in passwords.rate("zv", own_words=("Zv",)).reason
    assert "your name" not in passwords.rate("brackenfels", own_words=("x@y.brackenfels",)).reason


@pytest.mark.parametrize(
    ("password", "score", "expected"),
    [("marzipan12", 2, ""), ("example1", 1, "This is easy to guess. Add another word or two."),
     ("aaaaaaaa", 0, 'Repeats like "aaa" are easy to guess. Add another word or two.')],
)  # fmt: skip
def test_the_score_from_which_one_is_taken(password: str, score: int, expected: str) -> None:
    """A09: two of four, to the point."""
    assert passwords.rate(password) == (score, expected)
    assert reason(password) == expected


@pytest.mark.parametrize(
    "password",
    ["kqzjvxwpfmbtgha", GOOD, "correct horse battery staple", "日本語のパスワード森", "🌲🌳🌴🌵🎋🎄🍀🌿",
     "        x y z      ", "x" * 20 + "quiet hedges", "q" * 3 + "wolf under lamp" * 60],
)  # fmt: skip
def test_no_kind_of_character_is_asked_for_and_none_is_refused(password: str) -> None:
    """A08, A07."""
    assert reason(password) == ""


@pytest.mark.parametrize(
    ("length", "expected"),
    [(7, "at least 8"), (8, ""), (64, ""), (1024, ""), (1025, "at most 1024"), (8192, "at most")],
)
def test_length_is_counted_in_characters(length: int, expected: str) -> None:
    """A06."""
    password = ("vqzkwjxm" * 1100)[: length - 2] + "é🌲"
    assert expected in reason(password)
    assert bool(reason(password)) == bool(expected)


@pytest.mark.parametrize("character", ["\0", "\ud800"])
def test_what_no_keyboard_gives_and_no_hash_takes_is_refused(character: str) -> None:
    """A07: NUL, and half of a pair."""
    assert reason(f"{GOOD}{character}") == "Use characters that can be typed."


def test_a_password_that_is_too_long_is_never_hashed(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A06."""
    monkeypatch.setattr(passwords, "hash_password", lambda _: pytest.fail("hashed"))
    body = {"email": "a@b.example", "password": "vqzkwjxm" * 140}
    assert app.test_client().post("/api/register", json=body).status_code == 422


def test_the_meter_says_what_the_form_will_say(app: Flask, user_id: int) -> None:
    """A09: and knows the names of who is signed in."""
    http = app.test_client()
    token = csrf_token(http.get("/register"))

    def ask(password: str, *own: str) -> tuple[int, str]:
        data = {"csrf_token": token, "password": password, "own": list(own)}
        answer = http.post("/password-strength", data=data).json
        return answer["score"], answer["reason"]

    assert ask("") == (0, "")
    assert ask(GOOD) == (4, "")
    assert ask("password1") == (0, reason("password1"))
    assert ask("zoe.quill", "Zoe", "Quill")[0] < 2
    sign_in_by_form(http)
    token = csrf_token(http.get("/account"))
    assert "your name" in ask("johndoe1")[1]


def test_a_password_that_is_too_short_is_not_praised(app: Flask, user_id: int) -> None:
    browser = app.test_client()
    csrf = csrf_token(browser.get("/register"))
    for password, is_short in (("kQ9$xz7", True), ("kQ9$xz7vT2pLw", False)):
        said = browser.post("/password-strength", data={"csrf_token": csrf, "password": password}).json
        assert (said["reason"] == "Use at least 8 characters.") is is_short
        assert (said["score"] < 2) is is_short
