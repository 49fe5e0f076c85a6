"""Everything the window says, in the language chosen at sign-in."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from typing import Protocol

from config import tables
from config.texts import Language, say
from domain.ages import age_code
from domain.problems import Problem


class Named(Protocol):
    """A row of a code table."""

    @property
    def name_zh(self) -> str: ...
    @property
    def name_en(self) -> str: ...


FIELDS = {  # what a form calls the fields of a record
    "given_on": "ui.dose.given_on",
    "dose_no": "ui.elsewhere.number",
    "lot_no": "ui.dose.lot",
    "expiry_on": "ui.dose.expiry",
    "until": "ui.defer.until",
}

ISOLATE, ISOLATE_END = "\u2068", "\u2069"  # Unicode's bidirectional algorithm, first strong isolate


class Words:
    """Texts of one language; a call gives the text of a code."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self.clinics: Mapping[str, str] = {}  # names by code, as the region's list in force has them

    def __call__(self, code: str, /, **params: object) -> str:
        return say(self.language, code, **params)

    def name(self, row: Named | None, otherwise: str = "") -> str:
        """The name of a table's row in this language."""
        return otherwise if row is None else row.name_zh if self.language == "zh_CN" else row.name_en

    def vaccine(self, code: str) -> str:
        return self.name(tables.vaccines().get(code), code)

    def short(self, code: str) -> str:
        """A vaccine's short name, for where there is little room."""
        row = tables.vaccines().get(code)
        return row.abbr if row and row.abbr and self.language == "en" else self.vaccine(code)

    def site(self, code: str) -> str:
        return self.name(tables.sites().get(code), code)

    def route(self, code: str) -> str:
        return self.name(tables.routes().get(code), code)

    def maker(self, name: str) -> str:
        """A maker of the clinic's products in this language; any other as it was written."""
        known = (p.maker_en for p in tables.products() if p.maker_zh == name)
        return name if self.language == "zh_CN" else next(known, name)

    def clinic(self, code: str) -> str:
        """The name of a clinic of the region; of one that is not on its list, what stands there."""
        return self.clinics.get(code) or code

    def short_route(self, code: str) -> str:
        """As a card has it: 肌内, IM; "" for by mouth, which the site says already."""
        if code == "PO":
            return ""
        return self.route(code).removesuffix("注射") if self.language == "zh_CN" else code

    def dose(self, vaccine: str, number: int) -> str:
        """ "HepB, dose 3"."""
        return self("ui.dose", vaccine=self.vaccine(vaccine), number=number)

    def age(self, birth_on: str, today: date) -> str:
        born = date.fromisoformat(birth_on)
        if born > today:
            return ""
        code, params = age_code(born, today)
        return self(code, **params)

    def moment(self, at: datetime, today: date) -> str:
        """A moment on the clinic's clock: today's by its time, another by its day too."""
        if at.date() == today:
            return self("ui.today_at", time=at.strftime("%H:%M"))
        return at.strftime("%Y-%m-%d %H:%M")

    def sex(self, code: str) -> str:
        return self(f"sex.{code if code in tables.sexes() else '9'}")

    def problem(self, problem: Problem) -> str:
        """What happened and what to do; codes of vaccines and fields become names."""
        params = dict(problem.params)
        if params.get("what") in FIELDS:
            params["what"] = self(FIELDS[params["what"]])
        if "vaccine" in params:
            params["vaccine"] = self.short(params["vaccine"])
        if "vaccines" in params:  # codes, as the schedule names what would fit
            params["vaccines"] = " / ".join(dict.fromkeys(map(self.short, params["vaccines"].split(" / "))))
        return self(problem.code, **params)

    def child(self, name: str) -> str:
        """The name, or the word for a newborn without one. A name written from the right keeps its direction to
        itself."""
        if any(unicodedata.bidirectional(char) in ("R", "AL") for char in name):
            return f"{ISOLATE}{name}{ISOLATE_END}"
        return name or self("slip.newborn")

    def sentences(self, text: str) -> tuple[str, str]:
        """The first sentence and the rest: what happened, what to do."""
        mark = "。" if self.language == "zh_CN" else ". "
        head, _, rest = text.partition(mark)
        return head.rstrip("。."), rest.strip()


def masked(phone: str) -> str:
    """138****2071: enough to ask by, too little to read over a shoulder."""
    return phone[:3] + "****" + phone[-4:] if len(phone) >= 8 else "****" if phone else ""
