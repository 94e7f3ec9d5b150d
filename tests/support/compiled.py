"""Werkzeug compiles two functions for every route of every application, and Jinja every template it shows; the tests
make thousands of applications."""

from collections.abc import Callable
from types import CodeType
from typing import Any

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

from webapp.web.application import Application


def compile_once() -> None:
    """Let all applications of this process share what was compiled for one."""
    _share_routes()
    Application.jinja_options = {**Application.jinja_options, "bytecode_cache": _Templates()}


def _share_routes() -> None:
    """Let rules that are alike have the same functions, which take the rule itself as an argument."""
    compiled: dict[Any, Callable[..., tuple[str, str]]] = {}
    compile_builder = Rule._compile_builder

    def remembered(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    Rule._compile_builder = remembered  # type: ignore[method-assign]


class _Templates(BytecodeCache):
    """Compiled templates, each under its name and the checksum of its source."""

    def __init__(self) -> None:
        self._compiled: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._compiled.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._compiled[bucket.key, bucket.checksum] = bucket.code
