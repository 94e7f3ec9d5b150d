"""Figures as shapes: where the bars of a chart stand and the dots of a session's life, for SVG made by templates."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from webapp.models import AuthSession
from webapp.session_list import Moment
from webapp.stats import Chart

CHART_HEIGHT: Final = 140
DAY_WIDTH: Final = 44
BAR_WIDTH: Final = 17
LIFE_WIDTH: Final = 600
LIFE_MARGIN: Final = 8


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar in the units of its SVG; `series` is 0 or 1."""

    x: float
    y: float
    height: float
    series: int
    day: date
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Dot:
    """A moment on a session's line, `x` of LIFE_WIDTH."""

    x: float
    moment: Moment


def bars_of(chart: Chart) -> list[Bar]:
    """Return the bars of a chart, the highest of which fills CHART_HEIGHT; two a day, side by side."""
    highest = highest_of(chart)
    return [
        Bar(
            x=index * DAY_WIDTH + 4 + number * (BAR_WIDTH + 1),
            y=round(CHART_HEIGHT * (1 - count / highest), 1),
            height=round(CHART_HEIGHT * count / highest, 1),
            series=number,
            day=day,
            name=series.name,
            count=count,
        )
        for number, series in enumerate(chart.series)
        for index, (day, count) in enumerate(zip(chart.days, series.counts, strict=True))
    ]


def highest_of(chart: Chart) -> int:
    """Return the highest count, or 1 where nothing has happened."""
    return max(1, *(count for series in chart.series for count in series.counts))


def dots_of(session: AuthSession, life: Sequence[Moment], *, now: datetime) -> list[Dot]:
    """Return where the moments of a session lie between its beginning and its end, or now."""
    end = min(now, session.revoked_at or session.expires_at)
    whole = max(1.0, (end - session.created_at).total_seconds())
    span = LIFE_WIDTH - 2 * LIFE_MARGIN
    return [
        Dot(round(LIFE_MARGIN + span * min(1.0, (moment.at - session.created_at).total_seconds() / whole), 1), moment)
        for moment in life
    ]
