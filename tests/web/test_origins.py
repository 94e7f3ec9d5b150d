"""Other origins: which may send the cookies, to the API and to the pages (C01 to C03, C05)."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support import people
from tests.support.cookies import FOREIGN, FRIEND, cookies, login
from tests.support.steps import OWN, SAME_ORIGIN, bearer, csrf_token, me, refresh
from webapp.database import db
from webapp.models import AuthSession

pytestmark = pytest.mark.usefixtures("clock")


# --- to the API ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/refresh", "/api/logout"])
def test_a_cookie_from_a_foreign_origin_is_refused_and_nothing_happens(production: FlaskClient, path: str) -> None:
    """C01, C03, R07: nothing is rotated, nothing is cleared, the session lives on."""
    access = login(production).json["access_token"]
    for headers in FOREIGN:
        refused = production.post(path, headers=headers)
        assert (headers, refused.status_code, refused.json["code"]) == (headers, 403, "cross_origin")
        assert cookies(refused) == {}
        with production.application.app_context():
            row = db.session.query(AuthSession).one()
            assert (headers, row.generation, row.revoked_at) == (headers, 1, None)
        assert me(production, access) == 200
    assert production.post("/api/refresh", headers=SAME_ORIGIN).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [SAME_ORIGIN, {"Origin": OWN}, {"Origin": FRIEND}, {"Origin": FRIEND, "Sec-Fetch-Site": "cross-site"}],
    ids=str,
)
@pytest.mark.parametrize("path", ["/api/refresh", "/api/logout"])
def test_our_own_pages_and_allowed_front_ends_may_use_the_cookie(
    production: FlaskClient, path: str, headers: dict[str, str]
) -> None:
    """C01."""
    login(production)
    assert production.post(path, headers=headers).status_code in (200, 204)


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data; boundary=x", "application/xml"])
@pytest.mark.parametrize("path", ["/api/refresh", "/api/logout"])
def test_bodies_that_need_no_preflight_do_not_get_past_the_origin_rule(
    production: FlaskClient, path: str, content_type: str
) -> None:
    """C01: the classic cross-site form post."""
    login(production)
    refused = production.post(
        path, data="x=1", headers={"Origin": "https://evil.example", "Content-Type": content_type}
    )  # fmt: skip
    assert refused.status_code in (403, 415)
    assert cookies(refused) == {}
    assert production.post("/api/refresh", headers=SAME_ORIGIN).status_code == 200


def test_programs_that_send_no_origin_may_use_bearer_and_body(production: FlaskClient) -> None:
    """C02."""
    token = login(production, transport="body").json["refresh_token"]
    assert refresh(production, token, "bearer").status_code == 200
    assert refresh(production, token, "body").status_code == 200
    assert production.post("/api/logout", headers=bearer(token)).status_code == 204


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}], ids=str)
@pytest.mark.parametrize(
    "path", ["/api/login", "/api/login/passkey/options", "/api/login/passkey", "/api/register", "/api/password/forgot"]
)
def test_a_foreign_page_begins_nothing_in_the_browser_of_a_visitor(
    production: FlaskClient, path: str, headers: dict[str, str]
) -> None:
    """C05: neither a sign-in, to an account that is not the visitor's, nor a mail; whatever the body says."""
    refused = production.post(path, json={"email": people.EMAIL}, headers=headers)
    assert (refused.status_code, refused.json["code"]) == (403, "cross_origin")
    assert production.post(path, json={}, headers=SAME_ORIGIN).status_code in (200, 422)


def test_who_is_refused_for_its_origin_is_not_told_of_cookies_that_it_did_not_send(production: FlaskClient) -> None:
    refused = production.post("/api/login", json={}, headers={"Origin": "https://evil.example"})
    assert "cookie" not in f"{refused.json['title']} {refused.json['detail']}".lower()
    assert "origin" in refused.json["title"]


# --- to the pages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, *({"Sec-Fetch-Site": site} for site in ("cross-site", "same-site"))]
)
def test_a_form_that_another_site_sent_is_refused_whatever_token_it_has(
    app: Flask, user_id: int, headers: dict[str, str]
) -> None:
    """C01: before its CSRF token is looked at, so that one that was stolen is worth nothing. Looking is free."""
    browser = app.test_client()
    page = browser.get("/login", headers=headers)
    assert page.status_code == 200
    form = {"csrf_token": csrf_token(page), "email": people.EMAIL, "password": people.PASSWORD}
    refused = browser.post("/login", data=form, headers=headers)
    assert refused.status_code == 403
    assert "Another site sent this form" in refused.text
    assert browser.post("/login", data={"csrf_token": "x"}, headers=headers).status_code == 403
    assert browser.post("/login", data=form, headers=SAME_ORIGIN).status_code == 303


@pytest.mark.parametrize("site", ["same-site", "cross-site", None])
def test_a_form_that_an_allowed_origin_sent_is_refused_too(production: FlaskClient, site: str | None) -> None:
    """C01, C11: it may call the API, which has nothing for administrators, and not act on the pages."""
    form = {"csrf_token": csrf_token(production.get("/login")), "email": people.EMAIL, "password": people.PASSWORD}
    headers = {"Origin": FRIEND, **({"Sec-Fetch-Site": site} if site else {})}
    assert production.post("/login", data=form, headers=headers).status_code == 403
    assert production.post("/login", data=form, headers={"Origin": "https://accounts.example.com"}).status_code == 303


def test_a_form_of_a_page_that_sends_no_referer_is_known_by_its_token_alone(production: FlaskClient) -> None:
    """C01: browsers say Origin: null then, and those before Fetch Metadata nothing else."""
    null = {"Origin": "null"}
    form = {"csrf_token": csrf_token(production.get("/login")), "email": people.EMAIL, "password": people.PASSWORD}
    assert production.post("/login", data=form | {"csrf_token": "x"}, headers=null).status_code == 400
    assert production.post("/login", data=form, headers={**null, "Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert production.post("/login", data=form, headers=null).status_code == 303
