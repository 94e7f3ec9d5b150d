"""What commands share: refusals as one line, output as a table of columns or as JSON, asking for what
is not given, finding the user who is meant."""

import io
import json
import sqlite3
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec

import click
from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, ProgrammingError

from webapp import accounts
from webapp.database import OUTAGES, db
from webapp.errors import AppError, InvalidFields
from webapp.models import User
from webapp.text import is_storable

P = ParamSpec("P")

json_option = click.option("--json", "as_json", is_flag=True, help="As JSON, one array or object.")


def explains_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Turn a refusal of the product into one line on standard error and exit status 1.

    Text that no database takes is refused before the command runs."""

    @wraps(command)
    def explained(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            _refuse_unstorable(kwargs)
            command(*args, **kwargs)
        except InvalidFields as error:
            lines = [f"{name}: {text}" for name, texts in error.errors.items() for text in texts]
            raise click.ClickException("\n".join(lines)) from None
        except (DataError, IntegrityError, ProgrammingError):
            raise  # a mistake of ours: the doctor would find nothing
        except (DatabaseError, *OUTAGES) as error:
            raise click.ClickException(_outage(error)) from None
        except AppError as error:
            raise click.ClickException(error.detail) from None

    return explained


def _outage(error: Exception) -> str:
    reason = getattr(error, "orig", None)
    # SQLite has kinds of being busy, in the higher bits of its code.
    is_busy = getattr(reason, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
    if is_busy or isinstance(reason, LockNotAvailable | DeadlockDetected):
        return "Others kept the database locked for too long. Run it again at a quieter moment."
    return "The database cannot be used. `flask --app wsgi doctor` says what to mend."


def _refuse_unstorable(given: Mapping[str, object]) -> None:
    """Raise InvalidFields for NUL, and for bytes that are not UTF-8, of which Python makes surrogates."""
    wrong = [name for name, value in given.items() if isinstance(value, str) and not is_storable(value)]
    if wrong:
        raise InvalidFields({name: ["Holds NUL, or bytes that are not UTF-8."] for name in wrong})


def find_user(email: str) -> User:
    """Return the user with that address, or refuse."""
    user = accounts.find_user(db.session, email)
    if user is None:
        raise click.ClickException(f"There is no user with the address {email}.")
    return user


class AskedFor(click.Option):
    """An option that is asked for if it is not given, or refused in one line where nobody can be asked."""

    def prompt_for_value(self, ctx: click.Context) -> Any:
        if sys.stdin is None:  # closed; a terminal is looked for elsewhere, too
            sys.stdin = io.StringIO()
        try:
            return super().prompt_for_value(ctx)
        except click.Abort:
            if sys.stdin.isatty():
                raise
            told = f"Nobody is there to be asked: run this in a terminal, or give {self.opts[0]}."
            raise click.ClickException(told) from None


def show(rows: Iterable[dict[str, Any]], *, as_json: bool, line: Callable[[dict[str, Any]], Sequence[object]]) -> None:
    """Print rows as a JSON array, or each as a line of columns parted by tabs; each as it comes, however many."""
    if as_json:
        _print_array(rows)
        return
    for row in rows:
        click.echo("\t".join(str(cell) for cell in line(row)).rstrip())


def _print_array(rows: Iterable[dict[str, Any]]) -> None:
    opening = "["
    for row in rows:
        click.echo(f"{opening}\n{_indented(_json(row))}", nl=False)
        opening = ","
    click.echo("[]" if opening == "[" else "\n]")


def _indented(text: str) -> str:
    # Not textwrap.indent, to which more ends a line than JSON escapes: it would change what a User-Agent header says.
    return "  " + text.replace("\n", "\n  ")


def print_json(value: Any) -> None:
    click.echo(_json(value))


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=_iso)


def minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _iso(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(value)
