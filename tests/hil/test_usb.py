"""Emulated USB hardware under a real kernel: one boot, a test for each thing that had to hold in it."""

from __future__ import annotations

import pytest

from tests.hil import machine

STEPS = (
    "scan_exact", "ruled", "ours_alone", "stalled", "unplugged", "serial_scanner", "confirmed", "out_of_paper",
    "cable_says", "unplugged_half_way",
)  # fmt: skip


@pytest.fixture(scope="module")
def said() -> list[str]:
    try:
        return machine.run_guest()
    except machine.Missing as lack:
        pytest.skip(str(lack))


@pytest.mark.soak
@pytest.mark.timeout(machine.BOOT_S + 60)
@pytest.mark.parametrize("step", STEPS)
def test_in_the_guest(step: str, said: list[str]) -> None:
    assert f"ok {step}" in said, [line for line in said if step in line] or said
