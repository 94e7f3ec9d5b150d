"""The version of the product, which pyproject.toml repeats."""

from typing import Final

VERSION: Final = "1.0.0"
