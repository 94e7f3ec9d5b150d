"""The version of the product, which pyproject.toml repeats."""

from typing import Final

VERSION: Final = "0.1.0"
