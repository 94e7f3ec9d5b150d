"""The Compose file, read."""

from typing import Any

import yaml

from webapp.config import ROOT

TEXT = (ROOT / "compose.yaml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
