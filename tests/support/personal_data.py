"""What somebody gets who asks for all that is kept of them."""

import json
from typing import Any

from tests.support import people


def data_of(person: people.SignedIn) -> Any:
    """Return all that is kept of a person, as the API gives it to them."""
    reply = person.http.get("/api/me/data", headers=person.bearer)
    assert (reply.status_code, reply.content_type) == (200, "application/json")
    return json.loads(reply.text)
