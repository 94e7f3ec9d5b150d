"""What every refusal has: problem+json for programs, a page for people, nothing of what was sent or went wrong."""

from werkzeug.test import TestResponse

CANARY = "canary-5f2b"


def assert_problem(reply: TestResponse, status: int, code: str) -> None:
    """RFC 9457, nothing to store, nothing of what was sent, nothing of what went wrong inside."""
    assert (reply.status_code, reply.content_type) == (status, "application/problem+json"), reply.text
    problem = reply.get_json()
    assert (problem["status"], problem["code"], problem["type"]) == (status, code, f"urn:problem-type:evergreen:{code}")
    assert all(problem[name] for name in ("title", "detail", "request_id"))
    assert_says_nothing(reply)


def assert_page(reply: TestResponse, status: int) -> None:
    assert (reply.status_code, reply.mimetype) == (status, "text/html"), reply.text
    assert f">{status}<" in reply.text
    assert "name this request" in reply.text
    assert_says_nothing(reply)


def assert_says_nothing(reply: TestResponse) -> None:
    assert reply.headers["Cache-Control"] == "no-store"
    for word in (CANARY, "Traceback", "Exception", "sqlalchemy", "psycopg", "werkzeug", ".py"):
        assert word not in reply.text
