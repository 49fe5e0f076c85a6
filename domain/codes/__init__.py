"""Codes on barcodes: `classify` says what a scan is."""

from domain.codes.classify import classify
from domain.codes.kinds import (
    Code,
    OwnReceipt,
    Package,
    PersonCode,
    Refused,
    ScanRules,
    StaffBadge,
    TracePackage,
    Unknown,
)
from domain.codes.own import badge_text, receipt_text

__all__ = [
    "Code",
    "OwnReceipt",
    "Package",
    "PersonCode",
    "Refused",
    "ScanRules",
    "StaffBadge",
    "TracePackage",
    "Unknown",
    "badge_text",
    "classify",
    "receipt_text",
]
