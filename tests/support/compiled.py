"""What each application compiles for itself, compiled once: the tests make thousands of them.

Werkzeug compiles two functions for every route, Jinja every template it shows, SQLAlchemy every statement."""

from collections.abc import Callable
from typing import Any, Final

from flask_sqlalchemy import SQLAlchemy
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import Dialect, Engine, event
from werkzeug.routing import Rule

from webapp.config import ROOT
from webapp.web.application import Application

_FOLDER: Final = ROOT / ".pytest_cache/templates"
_FOLDER.mkdir(parents=True, exist_ok=True)
TEMPLATES: Final = FileSystemBytecodeCache(str(_FOLDER))


def compile_once() -> None:
    """Let all applications of this process share what was compiled for one; templates with other processes too."""
    Application.jinja_options = {**Application.jinja_options, "bytecode_cache": TEMPLATES}
    _share_routes()
    _share_statements()


def _share_routes() -> None:
    compiled: dict[Any, Callable[..., tuple[str, str]]] = {}
    compile_builder = Rule._compile_builder

    def remembered(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        """Let rules that are alike have the same functions, which take the rule itself as an argument."""
        key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    Rule._compile_builder = remembered  # type: ignore[method-assign]


def _share_statements() -> None:
    compiled: dict[tuple[str, object], tuple[Dialect, Any]] = {}
    make_engine = SQLAlchemy._make_engine

    def sharing(*arguments: Any) -> Engine:
        """Let engines that are alike have one dialect, which is part of a statement's key, once it knows its server."""
        engine = make_engine(*arguments)
        dialect = engine.dialect
        key = (dialect.name, getattr(dialect, "_on_connect_isolation_level", None))
        if key in compiled:
            engine.dialect, engine._compiled_cache = compiled[key]
        else:
            event.listen(engine, "connect", lambda *_: compiled.setdefault(key, (dialect, engine._compiled_cache)))
        return engine

    SQLAlchemy._make_engine = sharing  # type: ignore[method-assign]
