"""Numbers of pages and ids in addresses are bounded (I08, I11)."""

import pytest

A_SID = "A" * 22


@pytest.mark.parametrize(("name", "most"), [("page", 1_000_000), ("per_page", 100)])
def test_paging_is_bounded(signed_in, name, most) -> None:
    """I08, I11"""
    refused = [f"{name}=1&{name}=1", f"page=1&per_page=1&{name}=2"]
    for value in (
        "-1",
        "0",
        most + 1,
        "1e9",
        2**63,
        "9" * 5000,
        "",
        "x",
        "1.5",
        "NaN",
        "1_0",
        "1.0",
        "%2B1",
        "%201",
        "1%0A",
        "\u0661",
        "0x10",
        "%00",
        "%ff",
    ):
        refused.append(f"{name}={value}")
    for query in refused:
        reply = signed_in.http.get(f"/api/products?{query}", headers=signed_in.bearer)
        assert (reply.status_code, reply.get_json()["code"]) == (400, "invalid_query"), query
        assert list(reply.get_json()["errors"]) == [name]
    last = signed_in.http.get(f"/api/products?{name}={most}", headers=signed_in.bearer)
    assert (last.status_code, last.get_json()[name], last.get_json()["items"]) == (200, most, [])


def test_what_is_no_session_id_is_not_found(signed_in) -> None:
    """I11"""
    for sid in ("1", "-1", 2**63, "me", "A" * 21, A_SID, "A" * 23, "%00" * 22, "%F0%9F%8C%B3", "..%2f..", "a" * 6000):
        reply = signed_in.http.delete(f"/api/sessions/{sid}", headers=signed_in.bearer)
        assert (reply.status_code, reply.get_json()["code"]) == (404, "not_found"), sid
    assert signed_in.me().status_code == 200


def test_what_is_no_passkeys_number_is_not_found_by_any_method(signed_in) -> None:
    """I11"""
    for number in (0, 1, 2**31 - 1, 2**31, 9_999_999_999, 2**63, "9" * 5000, "-1", "1.0", "me", "%00", "\u0661"):
        for method, body in (("PATCH", {"name": "Laptop"}), ("DELETE", None)):
            reply = signed_in.http.open(f"/api/passkeys/{number}", method=method, json=body, headers=signed_in.bearer)
            assert (reply.status_code, reply.get_json()["code"]) == (404, "not_found"), (method, number)
