"""The region's clinics by name: published by itself when the list is another, read by every terminal."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from domain.world import World
from regional import queries
from regional.serve import EmbeddedRegion, prepare
from sync.feed import Feed
from sync.keys import region_keys
from tests.fakes.feed_inbox import MemoryFeedInbox
from tests.region_fixtures import CLINIC, Terminal

New = Callable[..., Terminal]
FIRST, SECOND = "3101159901", "3101159902"


def published(region: EmbeddedRegion) -> list[dict[str, str]]:
    """Every list, oldest first."""
    with queries.connect(region.dsn) as connection:
        rows = connection.execute("SELECT content FROM reference WHERE name = 'clinics' ORDER BY number").fetchall()
    return [msgspec.json.decode(row[0])["clinics"] for row in rows]


def test_a_clinic_is_on_the_list_once_its_first_code_is_given_out(region: EmbeddedRegion) -> None:
    region.new_code(clinic=FIRST)
    assert published(region) == [], "a clinic without a name is on no list"
    region.new_code(clinic=FIRST, name="花桥卫生院")
    region.new_code(clinic=FIRST, name="花桥卫生院", desk="2")
    assert published(region) == [{FIRST: "花桥卫生院"}], "the same list again is no publication"
    region.new_code(clinic=SECOND, name="石湾卫生院")
    both = {FIRST: "花桥卫生院", SECOND: "石湾卫生院"}
    assert published(region)[1:] == [both]
    region.new_code(clinic=FIRST, name="花桥社区中心")
    assert published(region)[2:] == [both | {FIRST: "花桥社区中心"}]


def test_a_region_that_existed_before_publishes_at_its_next_start(region: EmbeddedRegion) -> None:
    with queries.connect(region.dsn) as connection:
        connection.execute("INSERT INTO clinic (code, name) VALUES ('3101159903', '新渡卫生院')")
    before = published(region)
    prepare(region.folder, region.dsn, (), World())
    prepare(region.folder, region.dsn, (), World())
    after = published(region)
    assert len(after) == len(before) + 1 and after[-1]["3101159903"] == "新渡卫生院"


def test_a_terminal_reads_it_as_any_document(region: EmbeddedRegion, terminal: New) -> None:
    one = terminal()
    region.new_code(clinic=SECOND, name="石湾中心")
    inbox = MemoryFeedInbox(CLINIC)
    Feed(inbox, one.client, region_keys(one.outbox), one.me, one.world).pull()
    held = [(said, content) for said, content in inbox.documents.values() if said.name == "clinics"]
    said, content = held[-1]
    assert said.effective_on == World().today().isoformat()
    assert msgspec.json.decode(content)["clinics"][SECOND] == "石湾中心"
