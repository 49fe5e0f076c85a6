"""A clinic's hub as one program: a region's server of one clinic, and the process that keeps the line to the region."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from domain.errors import ConfigError
from regional import hub_place
from regional.serve import EmbeddedRegion


class Hub(EmbeddedRegion):
    """A hub in `folder`, enrolled before (regional/hub_place.py). Raises ConfigError("hub.not_enrolled")."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        super().__init__(folder, **settings)
        if not hub_place.is_hub(folder):
            raise ConfigError("hub.not_enrolled")
        self._works.append("relay")
