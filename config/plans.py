"""The plan a clinic goes by, read from the programmes its settings name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

from config import programmes, settings
from domain.errors import ConfigError
from domain.schedule.plan import Plan


@dataclass(frozen=True)
class Plans:
    """The plan and, by programme name, the digest of the data each part was read from."""

    plan: Plan
    digests: Mapping[str, str]

    def stamp(self, day: date) -> str:
        """Changes when forecasts must be made anew: with the data, the edition in force, and each month, for who is too
        old for a dose depends on the day."""
        data = sha256("".join(f"{name}{digest}" for name, digest in sorted(self.digests.items())).encode()).hexdigest()
        return f"{data[:16]} {self.plan.programme(day).name} {day:%Y-%m}"


def load(named: settings.Programme, directory: Path = programmes.DIRECTORY) -> Plans:
    """Read what the settings name. Raises ConfigError naming the file and what is wrong in it."""
    editions = named.editions or tuple(path.name for path in sorted(directory.glob("cn-nip-*")))
    supplement = named.supplement if (directory / named.supplement).is_dir() else ""
    names = (*editions, supplement) if supplement else editions
    loaded = {name: programmes.load(directory / name) for name in names}
    if not editions:
        raise ConfigError("config.no_file", path=str(directory))
    by_age = sorted((loaded[name] for name in editions), key=lambda programme: programme.effective_on)
    plan = Plan(tuple(by_age), loaded.get(supplement))
    return Plans(plan, {loaded[name].name: digest(directory / name) for name in names})


def digest(directory: Path) -> str:
    """SHA-256 of the files that a programme is read from, with their names."""
    total = sha256()
    for path in sorted((directory / "programme.json", *(directory / "antigens").glob("*.json"))):
        data = path.read_bytes()
        total.update(f"{path.name} {len(data)}\n".encode() + data)
    return total.hexdigest()
