"""Bodies of facts: what is written is read again, defaults are left out, and docs/formats.md names every field."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain import events

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"


def sample(type_: Any) -> Any:
    """Some value of a type that is no default."""
    node = type_
    match node:
        case msgspec.inspect.StrType():
            return "㛃䶮𬭊"
        case msgspec.inspect.IntType():
            return -7
        case msgspec.inspect.FloatType():
            return 0.25
        case msgspec.inspect.BoolType():
            return True
        case msgspec.inspect.AnyType():
            return ["旧", None, {"n": 1}]
        case msgspec.inspect.DictType():
            return {"field": sample(node.value_type)}
        case msgspec.inspect.TupleType():
            return tuple(sample(item) for item in node.item_types)
        case msgspec.inspect.VarTupleType():
            return (sample(node.item_type),)
        case msgspec.inspect.StructType():
            return full(node.cls)
    raise AssertionError(node)


def full(cls: type[msgspec.Struct]) -> msgspec.Struct:
    info = msgspec.inspect.type_info(cls)
    assert isinstance(info, msgspec.inspect.StructType)
    return cls(**{field.name: sample(field.type) for field in info.fields})


@pytest.mark.parametrize("kind", events.BODIES)
def test_a_body_is_read_as_it_was_written(kind: str) -> None:
    cls = events.BODIES[kind]
    body = full(cls)
    if cls is events.StaffAdded:
        body = msgspec.structs.replace(body, active=False)
    data = msgspec.json.encode(body)
    assert msgspec.json.decode(data, type=cls) == body
    assert set(msgspec.json.decode(data)) == set(cls.__struct_fields__)
    newer = data[:-1] + b',"added_later":{"a":[1]}}'
    assert msgspec.json.decode(newer, type=cls) == body


def test_defaults_are_left_out_and_come_back() -> None:
    assert msgspec.json.encode(events.StockUsed("d")) == b'{"dose":"d"}'
    assert msgspec.json.encode(events.StockUsed("d", -1)) == b'{"dose":"d","doses":-1}'
    dose = msgspec.json.decode(b'{"visit":"v","vaccine":"0201","dose_no":1,"clinic":"c"}', type=events.DoseGiven)
    assert (dose.funding, dose.kind, dose.verdict, dose.overrides) == ("nip", "routine", (), {})
    assert msgspec.json.decode(msgspec.json.encode(dose), type=events.DoseGiven) == dose


def test_the_page_names_every_kind_and_every_field_in_order() -> None:
    rows = dict(re.findall(r"^\| `([a-z.]+)` \|(.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    for kind, cls in events.BODIES.items():
        named = re.findall(r"`([a-z_]+)`", rows[kind].split("|")[0])
        assert named == list(cls.__struct_fields__), kind
