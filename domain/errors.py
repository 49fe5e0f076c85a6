"""Faults of the world. Each carries the code of its text, the text's parameters and who should retry."""

from __future__ import annotations

from typing import Any, Literal

Retry = Literal["never", "later", "operator"]


class VaxdeskError(Exception):
    """A fault of the world, not of the person: `code` names the text in config/locale."""

    def __init__(self, code: str, retry: Retry = "operator", **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.retry: Retry = retry
        self.params = params


class DeviceError(VaxdeskError):
    """A scanner or printer did not do its work."""


class StoreError(VaxdeskError):
    """The local database cannot keep or give a record."""


class SyncError(VaxdeskError):
    """The way to the region failed, or the region refused."""


class ConfigError(VaxdeskError):
    """A settings file, code table or profile is wrong."""


class WireError(VaxdeskError):
    """Bytes that are not what docs/formats.md says."""
