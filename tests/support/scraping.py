"""What /metrics says, as numbers that can be compared."""

import re

from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

Samples = dict[str, float]  # by name and labels, as they are written


def read(text: str) -> Samples:
    """Return every number of a text in Prometheus' format."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = sample.name + labels(sample.labels)
            assert key not in found, f"{key} is there twice"
            found[key] = sample.value
    return found


def labels(values: dict[str, str]) -> str:
    inside = ",".join(f'{name}="{value}"' for name, value in sorted(values.items()))
    return f"{{{inside}}}" if inside else ""


def scrape(http: FlaskClient) -> Samples:
    reply = http.get("/metrics")
    assert reply.status_code == 200, reply.text
    return read(reply.text)


def risen(before: Samples, after: Samples, name: str) -> Samples:
    """Return by how much each number of that name has changed, without those that have not."""
    keys = (key for key in after if key.partition("{")[0] == name)
    changes = {key.removeprefix(name): after[key] - before.get(key, 0) for key in keys}
    return {key: change for key, change in changes.items() if change}


class Watch:
    """What has changed since it was made."""

    def __init__(self, app: Flask) -> None:
        self._http = app.test_client()
        self._before = scrape(self._http)

    def risen(self, name: str) -> Samples:
        return risen(self._before, scrape(self._http), f"evergreen_{name}")

    @property
    def sign_ins(self) -> Samples:
        """By method and outcome, as in "password success"."""
        changes = self.risen("sign_ins_total")
        return {" ".join(re.findall(r'"(.*?)"', key)): change for key, change in changes.items()}
