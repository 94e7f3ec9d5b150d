"""Settings: the services that may ask about tokens, each with a secret of its own (INTROSPECTION_CLIENTS)."""

import pytest

from tests.unit.environment import PRODUCTION, load, refusal

SECRET = "aZ0-._~x" * 4


@pytest.mark.parametrize(
    "clients",
    [
        "reports",
        f"reports={SECRET}",
        f":{SECRET}",
        "reports:",
        f"reports:{SECRET[1:]}",
        f"re ports:{SECRET}",
        f"reports:{SECRET[1:]} ",
        f"reports:{SECRET}:",
        f"reports:{SECRET}+",
        f"reports:{SECRET}é",
        f"reports:{SECRET},",
        f"reports:{SECRET} other:{SECRET}",
        f"reports:{SECRET},other",
        f"reports:{SECRET},other:short",
    ],
)
def test_a_service_whose_name_or_secret_cannot_be_sent_or_is_guessable_is_refused(
    monkeypatch: pytest.MonkeyPatch, clients: str
) -> None:
    """O01: the second of two as well."""
    message = refusal(monkeypatch, **PRODUCTION, INTROSPECTION_CLIENTS=clients)
    assert message.startswith("INTROSPECTION_CLIENTS must be")
    assert SECRET[1:] not in message


@pytest.mark.parametrize(
    ("clients", "secrets"),
    [
        ("", {}),
        (f"reports:{SECRET}", {"reports": (SECRET,)}),
        (f" reports:{SECRET} ,\tR-2._~:{SECRET}y", {"reports": (SECRET,), "R-2._~": (f"{SECRET}y",)}),
        (f"reports:{SECRET},reports:{SECRET}y", {"reports": (SECRET, f"{SECRET}y")}),
    ],
)
def test_a_secret_of_thirty_two_characters_is_enough_and_no_service_is_needed(
    monkeypatch: pytest.MonkeyPatch, clients: str, secrets: dict[str, tuple[str, ...]]
) -> None:
    """O01."""
    assert load(monkeypatch, **PRODUCTION, INTROSPECTION_CLIENTS=clients).introspection_secrets == secrets
