"""Werkzeug compiles two functions for every route of every application, and Jinja every template it shows; the tests
make thousands of applications."""

from collections.abc import Callable
from typing import Any, Final

from jinja2 import FileSystemBytecodeCache
from werkzeug.routing import Rule

from webapp.config import ROOT
from webapp.web.application import Application

_FOLDER: Final = ROOT / ".pytest_cache/templates"
_FOLDER.mkdir(parents=True, exist_ok=True)
TEMPLATES: Final = FileSystemBytecodeCache(str(_FOLDER))


def compile_once() -> None:
    """Let all applications of this process share what was compiled for one; templates with other processes too."""
    Application.jinja_options = {**Application.jinja_options, "bytecode_cache": TEMPLATES}
    compiled: dict[Any, Callable[..., tuple[str, str]]] = {}
    compile_builder = Rule._compile_builder

    def remembered(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        """Let rules that are alike have the same functions, which take the rule itself as an argument."""
        key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    Rule._compile_builder = remembered  # type: ignore[method-assign]
