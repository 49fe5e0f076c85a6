"""The pages: each a GET of counts and states; one child only by a POST that says why, which is audited."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request, Response

from config import tables
from domain.world import World, from_utc_text
from regional import records, staff
from regional.dashboard import figures
from regional.dashboard.figures import By, DoseFilter
from regional.dashboard.visits import (
    HOME,
    SIGN_IN,
    NotAllowed,
    Seen,
    SignInFirst,
    Visit,
    keep_token,
    redirect,
    signed_in,
    visit,
)
from regional.database import Pool

_CSS = Path(__file__).with_name("static") / "region.css"
_DAYS, _LONGEST_DAYS, _EARLIEST = 14, 400, date(1950, 1, 1)
Code = Annotated[str, Query(pattern=r"^[0-9]{0,10}$")]
Word = Annotated[str, Query(pattern=r"^[a-z_]{0,40}$")]
Number = Annotated[int, Query(ge=0, le=100_000)]


pages = APIRouter(include_in_schema=False)


def install(app: FastAPI, pool: Pool, world: World) -> None:
    """Hang the pages into the region's application. `pool` reaches the database as vaxdesk_read."""
    app.state.pages = (pool, world)
    app.add_exception_handler(SignInFirst, _to_sign_in)
    app.add_exception_handler(NotAllowed, _not_allowed)
    app.include_router(pages)


async def _to_sign_in(_: Request, __: Exception) -> Response:
    return redirect(SIGN_IN)


def _not_allowed(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, NotAllowed)
    return visit(request, {}).page("refused", 403, code=fault.code)


@pages.get("/")
def root() -> Response:
    return redirect(HOME)


@pages.get("/dashboard/region.css")
def css() -> Response:
    headers = {"Cache-Control": "max-age=3600", "X-Content-Type-Options": "nosniff"}
    return Response(_CSS.read_bytes(), headers=headers, media_type="text/css; charset=utf-8")


@pages.get("/dashboard/sign-in")
def ask_who(seen: Seen) -> Response:
    return seen.page("sign_in", wrong=False)


@pages.post("/dashboard/sign-in")
def sign_in(seen: Seen) -> Response:
    seen.check_form()
    login, password = seen.form.get("login", ""), seen.form.get("password", "")
    with seen.pool.transaction() as connection:
        tried = staff.begin_try(connection, login, seen.world.now())
    who = staff.proven(tried, password)
    if who is None:
        return seen.page("sign_in", 403, wrong=True)
    token = seen.world.random(32).hex()  # never one that somebody else may have set
    with seen.pool.transaction() as connection:
        staff.succeeded(connection, who)
        staff.begin_session(connection, who, token, seen.world.now())
    answer = redirect(HOME)
    keep_token(answer, token)
    return answer


@pages.post("/dashboard/sign-out")
def sign_out(seen: Seen) -> Response:
    seen.check_form()
    with seen.pool.transaction() as connection:
        staff.end_session(connection, seen.token)
    answer = redirect(SIGN_IN)
    keep_token(answer, seen.world.random(32).hex())
    return answer


@pages.get("/dashboard")
def overview(seen: Seen) -> Response:
    signed_in(seen, "overview")
    today = seen.world.today()
    week = DoseFilter(today - timedelta(days=6), today)
    with seen.pool.transaction() as connection:
        return seen.page(
            "overview",
            terminals=figures.terminals(connection, seen.world.now(), seen.world.zone),
            doses=figures.doses(connection, week),
            week=week,
            quarantine=figures.quarantine_reasons(connection),
            reviews=figures.review_kinds(connection),
        )


@pages.get("/dashboard/terminals")
def terminals(seen: Seen, clinic: Code = "") -> Response:
    signed_in(seen, "overview")
    with seen.pool.transaction() as connection:
        rows = figures.terminals(connection, seen.world.now(), seen.world.zone, clinic)
    return seen.page("terminals", terminals=rows, clinic=clinic, local=_local(seen.world), days=figures.STRIP_DAYS)


@pages.get("/dashboard/doses")
def doses(
    seen: Seen,
    since: date | None = None,
    until: date | None = None,
    clinic: Code = "",
    vaccine: Code = "",
    by: By = "day",
    page: Number = 0,
) -> Response:
    signed_in(seen, "overview")
    until = max(until or seen.world.today(), _EARLIEST)
    since = max(since or until - timedelta(days=_DAYS - 1), until - timedelta(days=_LONGEST_DAYS))
    which = DoseFilter(since, until, clinic, vaccine, by, page)
    with seen.pool.transaction() as connection:
        found, clinics = figures.doses(connection, which), figures.clinics(connection)
    names = {"day": {}, "clinic": clinics, "vaccine": _vaccines(seen)}
    others = [x for x in names if x != by]
    return seen.page("doses", doses=found, which=which, names=names, others=others, **_paged(found.lines, page))


@pages.get("/dashboard/quarantine")
def quarantine(seen: Seen, reason: Word = "", clinic: Code = "", page: Number = 0) -> Response:
    signed_in(seen, "overview")
    with seen.pool.transaction() as connection:
        rows = figures.quarantine(connection, reason, clinic, page)
        reasons = figures.quarantine_reasons(connection)
    return seen.page(
        "quarantine", reasons=reasons, reason=reason, clinic=clinic, local=_local(seen.world), **_paged(rows, page)
    )  # fmt: skip


@pages.get("/dashboard/reviews")
def reviews(seen: Seen, kind: Word = "", page: Number = 0) -> Response:
    signed_in(seen, "overview")
    with seen.pool.transaction() as connection:
        rows, kinds = figures.reviews(connection, kind, page), figures.review_kinds(connection)
    return seen.page(
        "reviews", kinds=kinds, kind=kind, local=_local(seen.world), purposes=records.PURPOSES, **_paged(rows, page)
    )  # fmt: skip


@pages.get("/dashboard/child")
def ask_child(seen: Seen) -> Response:
    signed_in(seen, "person")
    return seen.page("child_ask", problem="", kinds=records.KINDS, purposes=records.PURPOSES)


@pages.post("/dashboard/child")
def child(seen: Seen) -> Response:
    who = signed_in(seen, "person")
    seen.check_form()
    kind, value, purpose = (seen.form.get(name, "").strip() for name in ("kind", "value", "purpose"))
    if not records.askable(kind, value, purpose):
        return _not_shown(seen, 400, "page.child.incomplete")
    with seen.pool.transaction() as connection:
        found = records.find(connection, who.login, purpose, kind, value, seen.world.now())
    if found.record is None:
        return _not_shown(seen, 404, f"page.child.{found.outcome}")
    return seen.page("child", record=found.record, vaccine=_vaccines(seen), site=_sites(seen), purpose=purpose)


def _paged(rows: Sequence[object], page: int) -> dict[str, Any]:
    """The rows of a page, and whether another follows."""
    return {"rows": rows[: figures.MOST], "page": page, "more": len(rows) > figures.MOST}


def _not_shown(seen: Visit, status: int, problem: str) -> Response:
    return seen.page("child_ask", status, problem=problem, kinds=records.KINDS, purposes=records.PURPOSES)


def _vaccines(seen: Visit) -> dict[str, str]:
    """Code -> name in the visitor's language."""
    chinese = seen.language == "zh_CN"
    return {code: one.name_zh if chinese else one.name_en for code, one in tables.vaccines().items()}


def _sites(seen: Visit) -> dict[str, str]:
    chinese = seen.language == "zh_CN"
    return {code: one.name_zh if chinese else one.name_en for code, one in tables.sites().items()}


def _local(world: World) -> Callable[[datetime | str], str]:
    """A moment, or its text, as the region's clock shows it; "" as a dash."""

    def local(moment: datetime | str) -> str:
        at = from_utc_text(moment) if isinstance(moment, str) and moment else moment
        return f"{at.astimezone(world.zone):%Y-%m-%d %H:%M}" if isinstance(at, datetime) else "–"

    return local
