"""`vaxdesk programme`: import, evaluate, review, explain, as a clinic's IT helper and a physician meet them."""

from __future__ import annotations

import ast
import csv
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from config import programmes
from config.texts import LANGUAGES, say, table
from domain.events import ChildRegistered, Identifier
from domain.schedule.engine import evaluate_case
from terminal import bootstrap
from terminal.commands import programme_evaluate, programme_review, programme_words
from terminal.usecases.record_dose import transcribe_dose
from terminal.usecases.register_child import register_child
from terminal.usecases.sign_in import sign_in
from tests.e2e.test_command_line import PIN, init, vaxdesk
from tests.fakes.desk import made

ROOT = Path(__file__).parents[2]
OFFICIAL = ROOT / "tests" / "data" / "cdsi" / "healthy.csv"
SCHEDULE = """<scheduleSupportingData>
<liveVirusConflicts/>
<vaccineGroups><vaccineGroup><name>Gr</name><administerFullVaccineGroup>No</administerFullVaccineGroup></vaccineGroup></vaccineGroups>
<vaccineGroupToAntigenMap><vaccineGroupMap><name>Gr</name>
<antigen>Made Up</antigen></vaccineGroupMap></vaccineGroupToAntigenMap>
<cvxToAntigenMap><cvxMap><cvx>900</cvx><shortDescription>made up</shortDescription>
<association><antigen>Made Up</antigen></association></cvxMap></cvxToAntigenMap>
</scheduleSupportingData>"""
ANTIGEN = """<antigenSupportingData><series><seriesName>one</seriesName><targetDisease>Made Up</targetDisease>
<vaccineGroup>Gr</vaccineGroup><seriesType>Standard</seriesType><selectSeries><defaultSeries>Yes</defaultSeries>
<seriesGroup>1</seriesGroup></selectSeries>
<seriesDose><doseNumber>Dose 1</doseNumber>
<age><absMinAge>6 weeks - 4 days</absMinAge><minAge>6 weeks</minAge><earliestRecAge>2 months</earliestRecAge></age>
<preferableVaccine><vaccineType>made up</vaccineType><cvx>900</cvx><forecastVaccineType>Y</forecastVaccineType></preferableVaccine>
</seriesDose></series></antigenSupportingData>"""  # noqa: E501 (data)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A zip as CDC publishes it, with one antigen that does not exist."""
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in (
            ("ScheduleSupportingData.xml", SCHEDULE),
            ("AntigenSupportingData- Made Up-508.xml", ANTIGEN),
        ):
            archive.writestr(zipfile.ZipInfo(f"Version 9.01 - 508/XML/{name}", (2031, 5, 4, 3, 2, 0)), text)
        archive.writestr("Version 9.01 - 508/Excel/AntigenSupportingData- Made Up-508.xlsx", b"no XML")
    return path


def test_official_data_become_a_programme(published: Path, tmp_path: Path) -> None:
    out = tmp_path / "made"
    said = vaxdesk("programme", "import-cdsi", published, "--out", out, "--name", "made-up")
    assert (said.code, said.err) == (0, "")
    assert "9.01" in said.out
    loaded = programmes.load(out)
    assert (loaded.name, loaded.edition, str(loaded.effective_on)) == ("made-up", "9.01", "2031-05-04")
    assert loaded.source == "CDC, CDSi supporting data 9.01 (4 May 2031)"
    assert loaded.antigens["Made Up"].series[0].doses[0].ages[0].abs_min == "6 weeks - 4 days"
    again = vaxdesk("programme", "import-cdsi", published, "--out", out)
    assert again.code == 1 and "--out" in again.err
    assert not list(tmp_path.glob("*.part"))


def test_a_folder_gives_the_same_as_the_zip(published: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(published) as archive:
        archive.extractall(tmp_path / "folder")
    for name, source in (("a", published), ("b", tmp_path / "folder")):
        assert vaxdesk("programme", "import-cdsi", source, "--out", tmp_path / name).code == 0
    files = [path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.json")]
    assert len(files) == 2
    for path in files:
        one, other = ((tmp_path / name / path).read_text(encoding="utf-8") for name in ("a", "b"))
        dated = [re.sub(r'"effective_on":"[^"]+"|\(\d+ \w+ \d+\)', "", text) for text in (one, other)]
        assert dated[0] == dated[1], "but for the files' dates"


def wrong_sources(folder: Path) -> list[Path]:
    """Nothing, no zip, an empty folder, a zip without the schedule, one with broken XML, one with a broken rule."""
    (folder / "text.zip").write_text("not a zip")
    (folder / "empty").mkdir()
    parts = {
        "no-schedule.zip": {"AntigenSupportingData- X-508.xml": ANTIGEN},
        "broken.zip": {"ScheduleSupportingData.xml": "<a>"},
        "rule.zip": {
            "ScheduleSupportingData.xml": SCHEDULE,
            "AntigenSupportingData- X-508.xml": ANTIGEN.replace("6 weeks<", "six weeks<"),
        },
    }
    for name, files in parts.items():
        with zipfile.ZipFile(folder / name, "w") as archive:
            for inner, text in files.items():
                archive.writestr(inner, text)
    return [folder / name for name in ("nothing.zip", "text.zip", "empty", *parts)]


def test_what_is_not_the_official_data_leaves_nothing_behind(tmp_path: Path) -> None:
    for source in wrong_sources(tmp_path):
        said = vaxdesk("programme", "import-cdsi", source, "--out", tmp_path / "made")
        assert said.code == 1 and said.err.strip(), source
        assert not list(tmp_path.glob("made*")), source


def case(**more: Any) -> dict[str, Any]:
    plain = {"id": "c1", "birth_date": "2026-01-10", "sex": "F", "assessment_date": "2026-11-20"}
    return {**plain, "observations": [], "doses": [], **more}


def answers(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def evaluated(tmp_path: Path, data: bytes, name: str = "us-cdsi") -> list[dict[str, Any]]:
    (tmp_path / "in.ndjson").write_bytes(data)
    words = ("--programme", name, "--input", tmp_path / "in.ndjson", "--output", tmp_path / "out.ndjson")
    said = vaxdesk("programme", "evaluate", *words)
    assert (said.code, said.out) == (0, ""), said.err
    return answers((tmp_path / "out.ndjson").read_text(encoding="utf-8"))


def test_official_cases_come_out_as_the_engine_judges_them(tmp_path: Path) -> None:
    with OFFICIAL.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:20]
    cases = [
        case(
            id=row["CDC_Test_ID"],
            birth_date=row["DOB"],
            sex=row["gender"],
            assessment_date=row["Assessment_Date"],
            doses=[
                {"date": row[f"Date_Administered_{n}"], "cvx": row[f"CVX_{n}"], "mvx": row[f"MVX_{n}"] or None}
                for n in range(1, 8)
                if row[f"Date_Administered_{n}"]
            ],
        )
        for row in rows
    ]
    given = evaluated(tmp_path, "\n".join(json.dumps(one) for one in cases).encode())
    us = programmes.load(programmes.DIRECTORY / "us-cdsi")
    assert [one["id"] for one in given] == [row["CDC_Test_ID"] for row in rows]
    for sent, answer in zip(cases, given, strict=True):
        result = evaluate_case(us, programme_evaluate.read_case(json.dumps(sent).encode()))
        judged = [(d["date"], d["vaccine_group"], d["status"], d["reason"]) for d in answer["doses"]]
        assert judged == [(str(v.given_on), v.vaccine_group, v.status, v.reason) for v in result.doses]
        assert [set(group) for group in answer["groups"]] == [
            {
                "vaccine_group",
                "series_status",
                "forecast_dose",
                "earliest_date",
                "recommended_date",
                "past_due_date",
                "latest_date",
            }
        ] * len(result.groups)
        dates = [(g["vaccine_group"], g["series_status"], g["recommended_date"]) for g in answer["groups"]]
        assert dates == [
            (g.vaccine_group, g.series_status, g.recommended_on and str(g.recommended_on)) for g in result.groups
        ]


SECRET = "王小明"
BAD_LINES = {
    b"not json": "JSON",
    b'{"id": "' + SECRET.encode("gbk") + b'"}': "UTF-8",
    b"[" * 100_000: "JSON",
    b'["c1"]': "$",
    b'{"id": "x", "id": "y"}': "twice",
    json.dumps(case(birth_date=SECRET)).encode(): "$.birth_date",
    json.dumps(case(birth_date="2026-02-30")).encode(): "$.birth_date",
    json.dumps(case(birth_date=None)).encode(): "birth_date",
    json.dumps(case(birth_date="0001-01-01")).encode(): "1850",
    json.dumps(case(assessment_date="9999-12-31")).encode(): "1850",
    json.dumps(case(assessment_date="2026-01-09")).encode(): "before the birth",
    json.dumps(case(doses=[{"date": "2026-01-09", "cvx": "08"}])).encode(): "before the birth",
    json.dumps(case(doses=[{"date": "2026-03-10"}])).encode(): "$.doses[0]",
    json.dumps(case(doses=[{"date": "2026-03-10", "cvx": "08", "vaccine": "HepB"}])).encode(): "$.doses[0]",
    json.dumps(case(doses=[{"date": "2026-03-10", "cvx": 8}])).encode(): "$.doses[0].cvx",
    json.dumps({**case(), SECRET: 1}).encode(): "unknown field",
}


def test_bad_lines_are_answered_in_their_place_without_their_content(tmp_path: Path) -> None:
    good = json.dumps(case(id="good")).encode()
    data = b"\xef\xbb\xbf" + good + b"\r\n\r\n   \n" + b"\n".join(BAD_LINES) + b"\n" + good
    given = evaluated(tmp_path, data)
    assert given[0] == given[-1] | {"id": "good"}
    assert [one["line"] for one in given[1:-1]] == list(range(4, 4 + len(BAD_LINES)))
    for (line, told), answer in zip(BAD_LINES.items(), given[1:-1], strict=True):
        assert told in answer["error"], (line[:80], answer)
        assert SECRET not in answer["error"]


def test_doses_without_a_rule_or_after_the_day_have_no_verdict(tmp_path: Path) -> None:
    doses = [
        {"date": "2026-12-01", "cvx": "08"},
        {"date": "2026-01-10", "cvx": "08", "mvx": None},
        {"date": "2026-03-10", "cvx": "zz"},
    ]
    (answer,) = evaluated(tmp_path, json.dumps(case(doses=doses, observations=None)).encode())
    assert [(d["date"], d["cvx"], d["vaccine_group"], d["status"]) for d in answer["doses"]] == [
        ("2026-01-10", "08", "HepB", "Valid"),
        ("2026-03-10", "zz", None, None),
        ("2026-12-01", "08", None, None),
    ]


def test_a_chinese_edition_judges_old_doses_by_the_editions_before(tmp_path: Path) -> None:
    """DTaP at two months: too young before 2025, right after; by key or by four-digit code."""
    doses = [{"date": "2024-11-10", "vaccine": "0402"}]
    born = case(birth_date="2024-09-10", doses=doses)
    later = case(birth_date="2025-09-10", doses=[{"date": "2025-11-10", "vaccine": "DTaP"}])
    given = evaluated(tmp_path, "\n".join(map(json.dumps, (born, later))).encode(), "cn-nip-2026")
    verdicts = [(d["cvx"], d["status"], d["reason"]) for one in given for d in one["doses"]]
    assert verdicts == [("0402", "Not Valid", "Age: Too Young"), ("DTaP", "Valid", None)]


@pytest.mark.parametrize("page", ["docs/programmes.md", "docs/programmes.zh-CN.md"])
def test_the_pages_example_is_true(page: str, tmp_path: Path) -> None:
    sent, shown = re.findall(r"```json\n(.+?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    (answer,) = evaluated(tmp_path, json.dumps(json.loads(sent)).encode())
    told = json.loads(shown)
    assert (answer["id"], answer["doses"]) == (told["id"], told["doses"])
    assert told["groups"][0] in answer["groups"]


def test_standard_input_and_output() -> None:
    said = vaxdesk("programme", "evaluate", "--programme", "cn-self-paid", given=json.dumps(case()) + "\n")
    assert said.code == 0 and "1 lines, 0" in said.err
    assert answers(said.out)[0]["id"] == "c1"


def test_what_cannot_be_read_or_is_not_known(tmp_path: Path) -> None:
    there = tmp_path / "in.ndjson"
    there.write_text(json.dumps(case()), encoding="utf-8")
    for name, source, target, told in (
        ("us", there, tmp_path / "out", "us-cdsi"),
        ("../us-cdsi", there, tmp_path / "out", "us-cdsi"),
        ("us-cdsi", tmp_path / "nothing", tmp_path / "out", "nothing"),
        ("us-cdsi", there, tmp_path / "no" / "out", "out"),
        ("us-cdsi", there, there, "same file"),
    ):
        said = vaxdesk("programme", "evaluate", "--programme", name, "--input", source, "--output", target)
        assert said.code == 1 and told in said.err, said
    assert json.loads(there.read_text(encoding="utf-8")) == case()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", ["cn-self-paid", "cn-nip-2026"])
def test_a_review_shows_every_rule_and_fits_the_screen(name: str, lang: str) -> None:
    said = vaxdesk("programme", "review", name, lang=lang)
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert max(programme_words.columns(line) for line in lines) <= 100
    counted = {mark: len(re.findall(rf"^    {mark:<2} ", said.out, re.MULTILINE)) for mark in ("S", "S2", "M")}
    assert ", ".join(f"{mark} {count}" for mark, count in counted.items()) in lines[-1]
    assert counted["S2"] > 100 and counted["M"] > 20


def test_a_review_of_one_mark_and_of_all_programmes() -> None:
    shown = vaxdesk("programme", "review", "cn-self-paid", "--mark", "M").out
    assert "RABIES-5.3-late" in shown and "RABIES-5.2" not in shown
    assert re.findall(r"^    (S|S2) ", shown, re.MULTILINE) == []
    overview = vaxdesk("programme", "review")
    for name in ("us-cdsi", "cn-self-paid", "cn-nip-2026"):
        assert name in overview.out
    assert vaxdesk("programme", "review", "nowhere").code == 1


@pytest.mark.parametrize("name", ["us-cdsi", "cn-self-paid", "cn-nip-2026"])
def test_a_review_leaves_no_dose_out(name: str) -> None:
    programme = programmes.load(programmes.DIRECTORY / name)
    doses = {
        (series.name, number)
        for antigen in programme.antigens.values()
        for series in antigen.series
        for number, dose in enumerate(series.doses, 1)
        if dose.ages or dose.intervals or dose.preferable
    }
    shown = {
        (row.series, row.dose) for row in programme_review.rules(programme, lambda code, **p: say("en", code, **p))
    }
    assert doses <= shown


def test_every_reason_of_the_engine_has_its_words() -> None:
    """What the engine says as a constant or in a call is the end of a text's code."""
    words = set()
    for path in (ROOT / "domain" / "schedule").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                words.add(programme_words.slug(node.value))
    known = {code.removeprefix("programme.why.") for code in table() if code.startswith("programme.why.")}
    assert known - {"two_days", "needs"} <= words, "no text for what the engine never says"
    for calls in ("reason", "closed", "Reason"):
        for path in (ROOT / "domain" / "schedule").glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == calls:
                    said = [a.value for a in node.args[1:3] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                    for text in said:
                        if not re.match(r"[A-Z]+[A-Z-]+\d|Table|Section|[A-Z]+-\d", text):
                            assert programme_words.slug(text) in known, text


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[Path, str]:
    """A terminal with one child, with a booklet number and three doses from elsewhere; the child's id."""
    home = tmp_path / "home"
    assert init(home).code == 0
    desk = bootstrap.open_desk(bootstrap.find_home(home / "vaxdesk.toml"))
    try:
        actor = made(sign_in(desk, "admin", PIN))
        year = desk.today().year - 1
        facts = ChildRegistered("李测试", "2", f"{year}-01-10", identifiers=(Identifier("booklet", "3201140017"),))
        child = made(register_child(desk, actor, facts)).id
        for vaccine, day in (("0201", f"{year}-01-10"), ("0201", f"{year}-01-20"), ("5201", f"{year}-02-10")):
            made(transcribe_dose(desk, actor, child, day, vaccine, 1, "elsewhere"))
        return home, child
    finally:
        desk.store.close()


def test_the_whole_reasoning_about_a_child(recorded: tuple[Path, str]) -> None:
    home, child = recorded
    said = vaxdesk("programme", "explain", "3201140017", home=home, given=f"{PIN}\n")
    assert (said.code, said.err) == (0, "")
    year = re.search(r"born (\d{4})", said.out)
    assert year and child in said.out
    begun = year[1]
    assert f"{begun}-01-20 HepB\n  HepB: not valid" in said.out
    assert f"{begun}-01-20 against {begun}-02-10" in said.out, "the two dates compared"
    assert re.search(r"\[G01\] S2 · \S+", said.out), "the rule, its mark and source"
    assert "not judged" in said.out
    for name in ("MMR", "Rabies", "Hib"):
        assert re.search(rf"^{name}: not complete$", said.out, re.MULTILINE), name
    assert "Demonstration edition" in said.out
    assert vaxdesk("programme", "explain", child, home=home, given=f"{PIN}\n", lang="zh_CN").code == 0
    desk = bootstrap.open_desk(bootstrap.find_home(home / "vaxdesk.toml"))
    try:
        looks = desk.store.sql("SELECT actor FROM audit WHERE action = 'child.view' AND subject = ?", child)
    finally:
        desk.store.close()
    assert [actor for (actor,) in looks] == ["admin", "admin"]


def test_no_look_without_a_pin_or_a_child(recorded: tuple[Path, str]) -> None:
    home, child = recorded
    for number, given in ((child, "000000\n"), (child, ""), ("no such child", f"{PIN}\n")):
        said = vaxdesk("programme", "explain", number, home=home, given=given)
        assert (said.code, said.out) == (1, ""), said
        assert said.err.strip()


def test_the_frozen_program_carries_every_programme() -> None:
    """The list of data in build.spec has each file of each programme, and where it comes from."""
    tree = ast.parse((ROOT / "build.spec").read_text(encoding="utf-8"))
    wanted = ("HOUSE", "data")
    kept = [n for n in tree.body if isinstance(n, ast.Assign) and getattr(n.targets[0], "id", "") in wanted]
    found: dict[str, Any] = {"Path": lambda name: ROOT / name}
    exec(compile(ast.Module(kept, []), "build.spec", "exec"), found)
    carried = {Path(path).relative_to(ROOT) for path, _ in found["data"]}
    shipped = {path.relative_to(ROOT) for path in programmes.DIRECTORY.rglob("*") if path.is_file()}
    assert len(shipped) > 50
    assert shipped <= carried
