"""The region's pages: who may see what, what they show of real batches, and a real browser through all of them."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from config.texts import LANGUAGES, say
from domain import events
from domain.errors import ConfigError
from domain.world import World
from regional import queries, staff
from regional.dashboard import figures
from regional.dashboard.figures import DoseFilter
from regional.serve import EmbeddedRegion
from terminal.commands import line
from tests.fakes.browser import Browser
from tests.region_fixtures import CLINIC, Terminal

New = Callable[..., Terminal]
Apply = Callable[[], int]
PASSWORD = "long enough for all of us"
OTHER = "3101150202"
BOOKLET = "0001777001"
NAME = "欧阳不显示"
PAGES = ("", "/terminals", "/doses", "/quarantine", "/reviews")


class Pages:
    """A browser without a screen: keeps cookies, fills in forms."""

    def __init__(self, region: EmbeddedRegion) -> None:
        self.url, self.http = region.url, requests.Session()
        self.http.trust_env, self.http.verify = False, str(region.ca_file)

    def get(self, path: str = "", **query: str) -> requests.Response:
        return self.http.get(f"{self.url}/dashboard{path}", params=query, timeout=20)

    def read(self, path: str = "", **query: str) -> str:
        return unescape(self.get(path, **query).text)

    def post(self, path: str, **fields: str) -> requests.Response:
        csrf = re.search(
            r'name="csrf" value="([0-9a-f]{64})"', self.get("/child" if path == "/child" else "/sign-in").text
        )
        assert csrf
        fields = {"csrf": csrf[1], **fields}
        return self.http.post(f"{self.url}/dashboard{path}", data=fields, timeout=20)

    def sign_in(self, login: str, password: str = PASSWORD) -> requests.Response:
        return self.post("/sign-in", login=login, password=password)


@pytest.fixture
def pages(region: EmbeddedRegion) -> Iterator[Pages]:
    made = Pages(region)
    yield made
    made.http.close()


@pytest.fixture(scope="module", autouse=True)
def people(region: EmbeddedRegion) -> None:
    with queries.connect(region.dsn) as connection:
        for grade in staff.GRADES:
            staff.add(connection, grade, f"A {grade}", grade, PASSWORD, World())


def ask(region: EmbeddedRegion, statement: str, *params: object) -> list[tuple]:
    with queries.connect(region.dsn) as connection:
        return connection.execute(statement.encode(), params).fetchall()


@pytest.fixture(scope="module")
def busy(region: EmbeddedRegion) -> dict[str, str]:
    """Filled once by `day`."""
    return {}


@pytest.fixture
def day(busy: dict[str, str], region: EmbeddedRegion, terminal: New, apply: Apply) -> dict[str, str]:
    """Two clinics' day: doses of two vaccines, a void, a correction of the day, a move, a copied dose, something in
    quarantine, a possible double, an identity conflict."""
    if busy:
        return busy
    one, two = terminal(), terminal(clinic=OTHER, client="vaxdesk/0.0.9")
    booklet = events.Identifier("booklet", BOOKLET)
    child = one.world.new_id()
    one.outbox.tell(
        "child.registered",
        events.ChildRegistered(NAME, "1", "2026-01-01", identifiers=(booklet,), clinic=CLINIC),
        child,
    )
    one.outbox.give(child, "0201")
    one.outbox.give(child, "0301", funding="self")
    void = one.outbox.give(child, "0301")
    one.outbox.tell("dose.voided", events.DoseVoided(void, "twice"), child)
    moved = one.outbox.give(child, "0401")
    one.outbox.tell("dose.moved", events.DoseMoved(moved, "sibling", ""), child)
    gone = one.outbox.give(child, "0401")
    arrived_gone = one.outbox.tell("dose.moved", events.DoseMoved(gone, "sibling", ""), child)
    one.outbox.tell("dose.voided", events.DoseVoided(arrived_gone, "no"), "sibling")
    earlier = one.outbox.give(child, "0501")
    one.outbox.tell(
        "dose.corrected", events.DoseCorrected(earlier, {"given_on": ("2026-11-22", "2026-11-20")}, ""), child
    )
    one.outbox.give(child, "0601", elsewhere="3201150101")
    two.outbox.hlc = one.outbox.hlc
    two.outbox.give(child, "0202")  # the same class, day and child
    two.outbox.tell("child.updated", events.ChildUpdated({"birth_on": ("2026-01-02", "2026-01-03")}), child)
    two.outbox.tell("dose.voided", events.DoseVoided("nobody told it", ""), child)
    for desk in (one, two):
        desk.sync()
    apply()
    busy |= {"child": child, "one": one.me.terminal_id, "two": two.me.terminal_id, "told": str(len(one.outbox.events))}
    return busy


def test_nothing_is_shown_before_signing_in(pages: Pages):
    for path in (*PAGES, "/child"):
        assert (
            pages.http.get(f"{pages.url}/dashboard{path}", allow_redirects=False, timeout=20).headers["location"]
            == "/dashboard/sign-in"
        )
    assert pages.http.get(pages.url, timeout=20).url.endswith("/dashboard/sign-in")


def test_the_grades_see_what_is_theirs(pages: Pages, day: dict[str, str]):
    assert pages.sign_in("viewer").url.endswith("/dashboard")
    assert [pages.get(path).status_code for path in PAGES] == [200] * len(PAGES)
    assert pages.get("/child").status_code == 403
    assert day["child"] not in pages.read("/reviews")
    assert pages.post("/sign-out").url.endswith("/sign-in")
    assert pages.get().url.endswith("/sign-in")
    pages.sign_in("system")
    assert pages.get().status_code == 403
    assert say("en", "page.not_allowed") in pages.read()


def test_no_name_and_no_number_stand_on_an_overview(pages: Pages, day: dict[str, str]):
    pages.sign_in("reviewer")
    for path in PAGES:
        for language in LANGUAGES:
            text = pages.read(path, lang=language)
            assert NAME not in text and BOOKLET not in text and day["child"] not in text


def test_terminals_show_how_they_stand(region: EmbeddedRegion, pages: Pages, day: dict[str, str]):
    now = World().now()
    ago = now - timedelta(days=10)
    with queries.connect(region.dsn) as connection:
        connection.execute("UPDATE terminal SET enrolled_at = %s WHERE terminal_id = %s", (ago, day["one"]))
        connection.execute("UPDATE region_state SET oldest_client = 'vaxdesk/0.1.0'")
        rows = {row.of.terminal_id: row for row in figures.terminals(connection, now, World().zone)}
        later = figures.terminals(connection, now + timedelta(days=3), World().zone)
        connection.execute("UPDATE region_state SET oldest_client = ''")
    one, two = rows[day["one"]], rows[day["two"]]
    today = now.astimezone(World().zone).date()
    working = sum((today - timedelta(days=back)).weekday() < 5 for back in range(1, 10))
    assert (one.gaps, one.silent, one.waiting, one.old_client) == (working, False, 0, False)
    assert one.days[-1] == one.of.events == int(day["told"])
    assert (two.of.client, two.old_client, two.gaps) == ("vaxdesk/0.0.9", True, 0)
    assert all(row.silent for row in later)
    pages.sign_in("viewer")
    text = pages.read("/terminals")
    assert day["one"] in text and "vaxdesk/0.0.9" in text and say("en", "page.gap_days", n=working) in text
    assert day["one"] not in pages.read("/terminals", clinic=OTHER)
    with queries.connect(region.dsn) as connection:
        connection.execute("UPDATE terminal SET cloned_at = %s WHERE terminal_id = %s", (now, day["one"]))
        assert say("en", "page.registration.cloned") in pages.read("/terminals", lang="en")
        connection.execute("UPDATE terminal SET cloned_at = NULL WHERE terminal_id = %s", (day["one"],))


def counted(region: EmbeddedRegion, **which: str) -> dict[str, tuple[int, int]]:
    on = datetime(2026, 11, 22, tzinfo=UTC).date()
    with queries.connect(region.dsn) as connection:
        lines = figures.doses(connection, DoseFilter(on - timedelta(days=6), on, **which)).lines
    return {key: (programme, own) for key, programme, own in lines}


def test_doses_are_counted_as_they_stand_now(region: EmbeddedRegion, day: dict[str, str]):
    """Not the voided, nor the copied; on the corrected day; a moved one once, and not when it was voided there."""
    assert counted(region) == {"2026-11-20": (1, 0), "2026-11-22": (3, 1)}
    assert counted(region, by="clinic") == {CLINIC: (3, 1), OTHER: (1, 0)}
    assert counted(region, by="vaccine", clinic=CLINIC) == {
        "0201": (1, 0),
        "0301": (0, 1),
        "0401": (1, 0),
        "0501": (1, 0),
    }
    assert counted(region, by="clinic", vaccine="02") == {CLINIC: (1, 0), OTHER: (1, 0)}


def test_what_cannot_be_asked_is_refused(pages: Pages):
    pages.sign_in("viewer")
    for query in ({"by": "name"}, {"clinic": "x' OR 1=1"}, {"since": "yesterday"}):
        assert pages.get("/doses", **query).status_code == 422
    for since, until in (("1900-01-01", "9999-12-31"), ("0001-01-01", "0001-01-01")):
        assert pages.get("/doses", since=since, until=until).status_code == 200


def test_a_long_list_goes_on_on_the_next_page(region: EmbeddedRegion, pages: Pages, day: dict[str, str]):
    """Every line once, whichever list; counts at the top are of all pages."""
    clinics = [f"32{number:08d}" for number in range(1101)]
    with queries.connect(region.dsn) as connection:
        connection.execute(
            "INSERT INTO quarantine SELECT %s, 'paged', n, NULL, 'unstorable', NULL, NULL, NULL, '', now()"
            " FROM generate_series(1, 1203) n", (day["one"],)
        )  # fmt: skip
        connection.execute(
            "INSERT INTO dose SELECT c, c, c, true, '', '2020-02-02', '{\"vaccine\": \"0201\"}', '{}'"
            " FROM unnest(%s::text[]) c", (clinics,)
        )  # fmt: skip
    pages.sign_in("viewer")
    seen: list[str] = []
    address: dict[str, object] = {"reason": "unstorable"}
    for number, wanted in enumerate((500, 500, 203)):
        text = pages.read("/quarantine", **address, page=number)
        seen += (found := re.findall(r"paged… / (\d+)", text))
        assert len(found) == wanted
        assert (say("en", "page.next") in text, say("en", "page.before") in text) == (number < 2, number > 0)
    assert sorted(seen, key=int) == [str(number) for number in range(1, 1204)]
    told: list[str] = []
    for number in range(3):
        text = pages.read("/doses", since="2020-02-01", until="2020-02-03", by="clinic", page=number)
        assert say("en", "page.doses.total", n=1101) in text
        told += re.findall(r"<td>(32\d{8}) ", text)
    assert sorted(told) == clinics
    assert pages.get("/reviews", page=-1).status_code == 422
    with queries.connect(region.dsn) as connection:
        connection.execute("DELETE FROM quarantine WHERE epoch = 'paged'")
        connection.execute("DELETE FROM dose WHERE clinic = ANY (%s)", (clinics,))


def test_quarantine_says_why_and_what_to_do(pages: Pages, day: dict[str, str]):
    pages.sign_in("viewer")
    text = pages.read("/quarantine", reason="unknown_dose", lang="zh_CN")
    assert say("zh_CN", "quarantine.unknown_dose") in text and day["two"] in text
    assert day["two"] not in pages.read("/quarantine", reason="bad_body")


def test_a_child_is_shown_for_a_purpose_and_that_is_written_down(
    region: EmbeddedRegion, pages: Pages, day: dict[str, str]
):
    pages.sign_in("reviewer")
    assert pages.post("/child", kind="booklet", value=BOOKLET, purpose="").status_code == 400
    shown = pages.post("/child", kind="booklet", value=BOOKLET, purpose="correction")
    assert shown.status_code == 200 and NAME in shown.text and BOOKLET not in shown.url
    assert pages.post("/child", kind="booklet", value="0009", purpose="recall").status_code == 404
    mark = re.search(r'name="value" value="([0-9a-f]{32})"', pages.read("/reviews", kind="possible_double"))
    assert mark
    assert NAME in pages.post("/child", kind="review", value=mark[1], purpose="review").text
    audit = "SELECT login, purpose, identifier_kind, outcome, child_id FROM record_access ORDER BY number"
    assert ask(region, audit) == [
        ("reviewer", "correction", "booklet", "found", day["child"]),
        ("reviewer", "recall", "booklet", "not_found", ""),
        ("reviewer", "review", "review", "found", day["child"]),
    ]


def test_a_form_from_elsewhere_does_nothing(region: EmbeddedRegion, pages: Pages, day: dict[str, str]):
    pages.sign_in("reviewer")
    before = ask(region, "SELECT count(*) FROM record_access")
    fields = {"kind": "booklet", "value": BOOKLET, "purpose": "review"}
    for csrf in ({}, {"csrf": "0" * 64}):
        assert pages.http.post(f"{pages.url}/dashboard/child", data={**fields, **csrf}, timeout=20).status_code == 403
        assert pages.http.post(f"{pages.url}/dashboard/sign-out", data=csrf, timeout=20).status_code == 403
    assert (
        pages.http.post(f"{pages.url}/dashboard/sign-in", data={"login": "x" * 20_000}, timeout=20).status_code == 403
    )
    assert ask(region, "SELECT count(*) FROM record_access") == before
    assert pages.get().status_code == 200, "and nobody was signed out"


def test_the_cookie_is_the_browsers_alone_and_new_at_sign_in(region: EmbeddedRegion, pages: Pages):
    first = pages.get("/sign-in")
    said = first.headers["set-cookie"]
    assert said.startswith("__Host-vaxdesk=")
    assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/"} <= {part.strip() for part in said.split(";")}
    before = pages.http.cookies["__Host-vaxdesk"]
    pages.sign_in("viewer")
    token = pages.http.cookies["__Host-vaxdesk"]
    assert token != before and len(token) == 64
    kept = ask(region, "SELECT token_hash FROM region_session")
    assert (sha256(token.encode()).digest(),) in kept and (token.encode(),) not in kept
    page = pages.get()
    assert page.headers["cache-control"] == "no-store" and "script" not in page.headers["content-security-policy"]


def test_five_wrong_passwords_lock_and_even_the_right_one_waits(region: EmbeddedRegion, pages: Pages):
    with queries.connect(region.dsn) as connection:
        staff.add(connection, "locked", "L", "viewer", PASSWORD, World())
    assert [pages.sign_in("locked", "wrong").status_code for _ in range(staff.TRIES)] == [403] * staff.TRIES
    answers = {
        pages.sign_in(login, password).text.count('role="alert"')
        for login, password in (("locked", PASSWORD), ("nobody", "x"))
    }
    assert answers == {1}, "locked and unknown answer alike"
    now = World().now()
    with queries.connect(region.dsn) as connection:
        assert staff.begin_try(connection, "locked", now + staff.LOCKED - timedelta(minutes=1)) is None
        again = staff.begin_try(connection, "locked", now + staff.LOCKED + timedelta(minutes=1))
        assert staff.proven(again, PASSWORD) == staff.Staff("locked", "L", "viewer")


def test_a_session_ends_by_idleness_by_age_and_with_the_account(region: EmbeddedRegion):
    with queries.connect(region.dsn) as connection:
        staff.add(connection, "ended", "E", "viewer", PASSWORD, World())
        who, now = staff.Staff("ended", "E", "viewer"), World().now()
        staff.begin_session(connection, who, "token", now)
        assert staff.in_session(connection, "token", now + staff.IDLE) == who
        assert staff.in_session(connection, "token", now + 2 * staff.IDLE + timedelta(seconds=1)) is None
        staff.begin_session(connection, who, "tok2", now)
        at = now
        while at < now + staff.LONGEST:
            assert staff.in_session(connection, "tok2", at) == who
            at += staff.IDLE
        assert staff.in_session(connection, "tok2", at + timedelta(seconds=1)) is None
        staff.begin_session(connection, who, "tok3", now)
        staff.close(connection, "ended")
        assert staff.in_session(connection, "tok3", now) is None
        assert staff.begin_try(connection, "ended", now) is None
        with pytest.raises(ConfigError, match=r"region\.no_such_login"):
            staff.close(connection, "no such")


def test_staff_by_command(region: EmbeddedRegion, pages: Pages, monkeypatch: pytest.MonkeyPatch, capsys):
    def vaxdesk(*words: str, password: str = "") -> int:
        monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
        return line.run(["--lang", "en", "region", "staff", *words, "--data", str(region.folder), "--dsn", region.dsn])

    hired = ("add", "--login", "clerk", "--name", "Clerk", "--grade", "viewer")
    assert vaxdesk(*hired, password="short") == 1
    assert say("en", "region.short_password", least=12) in capsys.readouterr().err
    assert vaxdesk(*hired, password=PASSWORD) == 0
    assert pages.sign_in("clerk").url.endswith("/dashboard")
    assert vaxdesk("close", "--login", "clerk") == 0
    assert pages.get().url.endswith("/sign-in")
    assert vaxdesk("list") == 0
    assert "clerk\tClerk\tviewer\tclosed" in capsys.readouterr().out
    actions = ask(region, "SELECT action FROM region_audit WHERE details ->> 'login' = 'clerk' ORDER BY number")
    assert actions == [("staff.added",), ("staff.closed",)]


class Tags(HTMLParser):
    """Every element that is opened is closed, in order; ids are of one element."""

    VOID = frozenset({"meta", "link", "input", "br", "rect"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> says an attribute twice"
        assert not {"style", "onclick"} & set(names)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.VOID

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_pages_are_whole_html_in_both_languages(pages: Pages, day: dict[str, str]):
    pages.sign_in("reviewer")
    for language in LANGUAGES:
        for path in (*PAGES, "/child"):
            text = pages.get(path, lang=language).text
            tags = Tags()
            tags.feed(text)
            assert tags.open == [] and len(tags.ids) == len(set(tags.ids))
            assert f'lang="{language.replace("_", "-")}"' in text


def spki(region: EmbeddedRegion) -> str:
    """What makes the browser believe this region's own certificate, and no other unknown one."""
    found = x509.load_pem_x509_certificate((region.folder / "tls" / "server.pem").read_bytes()).public_key()
    return base64.b64encode(
        sha256(found.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    ).decode()


def test_a_person_with_a_browser(region: EmbeddedRegion, day: dict[str, str], tmp_path: Path):
    """Chromium: signing in, reading each page, drilling down, opening a child, the other language, signing out."""
    with Browser(tmp_path / "profile", spki(region)) as browser:
        browser.go(region.url)
        assert browser.path == "/dashboard/sign-in"
        browser.type("#login", "reviewer")
        browser.type("#password", PASSWORD)
        browser.click("main button")
        assert browser.path == "/dashboard" and browser.text("h1") == say("en", "page.overview")
        assert browser.run("document.cookie") == "", "no script reads the cookie"
        (cookie,) = [one for one in browser.cookies() if one["name"] == "__Host-vaxdesk"]
        assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")
        browser.click("nav a[href$=terminals]")
        assert browser.count("tbody tr") >= 2 and browser.count("svg.strip rect") >= 2 * figures.STRIP_DAYS
        browser.go(f"{region.url}/dashboard/doses?since=2026-11-16&until=2026-11-22")
        assert browser.count("tbody tr") == 2
        assert browser.run("document.querySelector('svg.bar rect').getBoundingClientRect().width") > 0
        browser.click("tbody tr:last-child a[href*='by=vaccine']")  # that day, by vaccine
        assert "by=vaccine" in browser.run("location.search") and "since=2026-11-22" in browser.run("location.search")
        assert "0201" in browser.text("tbody")
        browser.click("nav a[href$=quarantine]")
        assert say("en", "quarantine.unknown_dose") in browser.text("main")
        browser.click("nav a[href$=reviews]")
        assert say("en", "page.review.possible_double") in browser.text("main")
        assert NAME not in browser.text()
        browser.click("tbody form button")
        assert browser.text("h2") == NAME and browser.path == "/dashboard/child"
        browser.click("nav a[href$='/child']")
        browser.type("#value", "no such number")
        browser.choose("#purpose", "family_request")
        browser.click("main button")
        assert say("en", "page.child.not_found") in browser.text("main")
        browser.go(f"{region.url}/dashboard/terminals")
        browser.click("header .end a")
        assert (
            browser.text("h1") == say("zh_CN", "page.terminals")
            and browser.run("document.documentElement.lang") == "zh-CN"
        )
        assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(244, 246, 248)", "the style came"
        assert browser.run("document.documentElement.scrollWidth <= innerWidth"), "nothing runs off the side"
        assert browser.picture().startswith(b"\x89PNG")
        browser.click("header form button")
        assert browser.path == "/dashboard/sign-in"
        browser.go(f"{region.url}/dashboard/terminals")
        assert browser.path == "/dashboard/sign-in"
        refused = [one for one in browser.problems if "404" not in one]
        assert refused == [], "the browser found nothing to complain of"
