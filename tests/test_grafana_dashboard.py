"""docs/grafana-dashboard.json is ready to import, and asks for nothing that /metrics does not tell; nor do the docs."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.support.databases import close_connections, fresh_database
from tests.support.fences import fence
from tests.support.settings import make_settings
from webapp import create_app
from webapp.config import ROOT

DASHBOARD: dict[str, Any] = json.loads((ROOT / "docs" / "grafana-dashboard.json").read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
TARGETS = [target for panel in PANELS for target in panel["targets"]]
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
EXPRESSIONS = [target["expr"] for target in TARGETS]
OF_PROMETHEUS = {"job", "instance"}  # what it adds to each metric by itself
ALERTS: list[dict[str, Any]] = yaml.safe_load(fence("docs/operations.md", "# evergreen.rules.yml"))["groups"][0][
    "rules"
]
MADE_HERE = {"class"}  # by label_replace
FUNCTIONS = {"sum", "min", "max", "count", "rate", "increase", "histogram_quantile", "topk", "label_replace",
             "label_values", "vector", "scalar", "or", "and", "by", "min_over_time"}  # fmt: skip
# A role and databases that are named there, too.
OF_POSTGRESQL = {"evergreen_owner", "evergreen_restored", "evergreen_replaced"}
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The names of everything that /metrics tells, each with the names of its labels."""
    app = create_app(make_settings(database_url=fresh_database("sqlite", tmp_path_factory.mktemp("metrics"))))
    http = app.test_client()
    http.get("/healthz")
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(http.get("/metrics").text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    with app.app_context():
        close_connections()
    return found


def names_in(expression: str) -> set[str]:
    """Return every metric that an expression asks for, spelled rightly or not: all names but functions and labels."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\bby\s*\([^)]*\)", "", bare)
    return set(NAME.findall(bare)) - FUNCTIONS


def labels_in(expression: str) -> set[str]:
    """Return every label that an expression picks by or groups by."""
    picked = re.findall(r'([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*"', expression)
    grouped = re.findall(r"\bby\s*\(([^)]*)\)", expression)
    return {*picked, *(name.strip() for names in grouped for name in names.split(",") if name.strip())}


def test_names_and_labels_are_found_in_an_expression() -> None:
    expression = 'topk(3, sum by (le, x) (rate(a_bucket{job=~"$job", y!="z"}[5m]))) or up'
    assert names_in(expression) == {"a_bucket", "up"}
    assert labels_in(expression) == {"le", "x", "job", "y"}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_expression_asks_for_what_is_told(expression: str, exposed: dict[str, set[str]]) -> None:
    names = names_in(expression)
    assert names
    assert names <= exposed.keys()
    known = set().union(*(exposed[name] for name in names)) | OF_PROMETHEUS | MADE_HERE
    assert labels_in(expression) <= known
    assert expression.count("(") == expression.count(")")


def test_every_variable_is_filled_from_what_is_told_and_every_one_is_used(exposed: dict[str, set[str]]) -> None:
    assert set(re.findall(r"\$(?!__)([a-z]+)", " ".join(EXPRESSIONS))) | {"datasource"} == VARIABLES.keys()
    for name, variable in VARIABLES.items():
        if variable["type"] == "query":
            query = variable["query"]["query"]
            [(metric, label)] = re.findall(r"^label_values\((\w+)(?:\{.*\})?, (\w+)\)$", query)
            assert label in exposed[metric] | OF_PROMETHEUS, name


def test_everything_that_is_told_is_shown(exposed: dict[str, set[str]]) -> None:
    shown = set().union(*map(names_in, EXPRESSIONS))

    def family(name: str) -> str:
        return re.sub("_(bucket|count|sum)$", "", name)

    assert {family(name) for name in exposed} == {family(name) for name in shown}


def test_the_source_of_the_data_is_chosen_where_it_is_imported() -> None:
    assert VARIABLES["datasource"]["type"] == "datasource"
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    queried = [variable for variable in VARIABLES.values() if variable["type"] == "query"]
    assert all(part["datasource"] == chosen for part in (*PANELS, *TARGETS, *queried))
    assert "id" not in DASHBOARD  # of the Grafana that it came from


def test_panels_have_ids_and_titles_of_their_own_or_say_more() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert all(panel["title"] for panel in PANELS)
    for panel in PANELS:
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references), panel["title"]


def test_no_two_panels_overlap_and_none_is_off_the_grid() -> None:
    places = {panel["id"]: panel["gridPos"] for panel in PANELS}
    for place in places.values():
        assert place["x"] >= 0 and place["y"] >= 0 and place["w"] > 0 and place["h"] > 0
        assert place["x"] + place["w"] <= 24
    for (one_id, one), (other_id, other) in combinations(places.items(), 2):
        is_beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        is_above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert is_beside or is_above, (one_id, other_id)


@pytest.mark.parametrize("document", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_documents_name_only_metrics_that_there_are(document: Path, exposed: dict[str, set[str]]) -> None:
    families = {re.sub("_(bucket|count|sum)$", "", name) for name in exposed}
    named = set(re.findall(r"\bevergreen_[a-z_]+[a-z]\b", document.read_text(encoding="utf-8"))) - OF_POSTGRESQL
    assert named <= exposed.keys() | families


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_asks_for_what_is_told(alert: dict[str, Any], exposed: dict[str, set[str]]) -> None:
    assert alert.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"\d+[smh]", alert.get("for", "0s"))
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert alert["annotations"]["summary"].endswith(".")
    expression = alert["expr"]
    names = names_in(expression)
    assert names
    assert names <= exposed.keys() | {"up"}
    known = set().union(*(exposed[name] for name in names & exposed.keys())) | OF_PROMETHEUS
    assert labels_in(expression) <= known
    assert expression.count("(") == expression.count(")")
