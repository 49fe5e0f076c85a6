"""Every pair of colours the style sheet puts on one another can be read (WCAG 2.1: text 4.5 to 1, marks 3 to 1).

What stands on what is read from look.qss itself: a rule with `color` gives a text, on the background of the nearest
rule of the same widget or of what it lies in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from string import Template

import pytest

from terminal.ui.tokens import COLOURS, SHEET

TEXT, MARK = 4.5, 3.0
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
HEX = re.compile(r"#[0-9A-Fa-f]{6}$")
# What a widget without a background of its own may lie on, by the kind that holds it.
PLAIN = ("bg", "surface")
INACTIVE = re.compile(r":disabled|\[off=")  # a control that is off is exempt (1.4.3)
BORDERS_THAT_SPEAK = ("ok", "warn", "bad", "accent")  # a frame that marks a state or the focus


def luminance(colour: str) -> float:
    """WCAG's relative luminance of #RRGGBB."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@cache
def rules() -> list[tuple[str, dict[str, str]]]:
    """Each single selector with its declarations, colours put in."""
    text = re.sub(r"/\*.*?\*/", "", SHEET.read_text(encoding="utf-8"), flags=re.DOTALL)
    found = []
    for selectors, body in RULE.findall(Template(text).substitute(COLOURS)):
        pairs = dict(line.split(":", 1) for line in body.split(";") if ":" in line)
        declared = {name.strip(): value.strip() for name, value in pairs.items()}
        found += [(" ".join(one.split()), declared) for one in selectors.split(",")]
    return found


def words(selector: str) -> list[str]:
    """What a simple selector asks for: its type, its [properties], its ::parts and :states."""
    return re.findall(r"^\w+|\[[^\]]+\]|::?[\w-]+", selector)


def states(selector: str) -> set[str]:
    return {word for word in words(selector.split(" ")[-1]) if re.match(r":[^:]", word)}


def applies(rule: str, holder: str) -> bool:
    """Whether the rule paints the widget that `holder` speaks of, states aside."""
    steps, held = rule.split(" "), holder.split(" ")
    if not set(words(steps[-1])) - states(steps[-1]) <= set(words(held[-1])):
        return False
    above = iter(held[:-1])
    return all(any(set(words(step)) <= set(words(one)) for one in above) for step in steps[:-1])


def grounds(selector: str, declared: dict[str, str]) -> set[str]:
    """The colours a text of this rule may stand on: its own, that of its widget in each state, or of what holds it,
    else page and card. Among rules the one that asks for most wins, then the later one."""
    own = declared.get("background", "")
    if HEX.match(own):
        return {own}
    steps = selector.split(" ")
    for depth in range(len(steps), 0, -1):
        holder = " ".join(steps[:depth])
        fits = [
            (len(words(s.replace(" ", ""))), n, s, d["background"])
            for n, (s, d) in enumerate(rules())
            if "background" in d and applies(s, holder)
        ]
        mine = states(holder)
        found = set()
        for state in [set(), *(states(s) for _, _, s, _ in fits)]:
            if INACTIVE.search("".join(state)):
                continue
            winners = [fit for fit in fits if states(fit[2]) <= state | mine]
            found |= {max(winners)[3]} if winners else set()
        solid = {colour for colour in found if HEX.match(colour)}
        if solid:
            return solid
    return {COLOURS[name] for name in PLAIN}


def texts() -> Iterator[tuple[str, str, str]]:
    for selector, declared in rules():
        colour = declared.get("color", "")
        if HEX.match(colour) and not INACTIVE.search(selector):
            yield from ((selector, colour, ground) for ground in grounds(selector, declared))
        chosen = declared.get("selection-color", ""), declared.get("selection-background-color", "")
        if all(HEX.match(c) for c in chosen):
            yield selector, *chosen


def borders() -> Iterator[tuple[str, str, str]]:
    """Frames that mean something, against what is around them."""
    speaking = {COLOURS[name] for name in BORDERS_THAT_SPEAK}
    for selector, declared in rules():
        for value in declared.values():
            for colour in re.findall(r"2px solid (#[0-9A-Fa-f]{6})", value):
                if colour in speaking:
                    yield from ((selector, colour, COLOURS[name]) for name in PLAIN)


def test_the_measure_is_the_standards() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(("where", "colour", "ground"), sorted(set(texts())))
def test_a_text_can_be_read(where: str, colour: str, ground: str) -> None:
    assert contrast(colour, ground) >= TEXT, where


@pytest.mark.parametrize(("where", "colour", "ground"), sorted(set(borders())))
def test_a_frame_that_speaks_can_be_seen(where: str, colour: str, ground: str) -> None:
    assert contrast(colour, ground) >= MARK, where


@pytest.mark.parametrize("ground", PLAIN)
def test_what_can_be_filled_in_has_an_edge(ground: str) -> None:
    assert contrast(COLOURS["edge"], COLOURS[ground]) >= MARK
    for kind in ("QLineEdit", "QComboBox", "QPlainTextEdit"):
        assert COLOURS["edge"] in next(d["border"] for s, d in rules() if s == kind and "border" in d)


@pytest.mark.parametrize("lamp", ["ok", "warn", "bad"])
@pytest.mark.parametrize("ground", [*PLAIN, "ok_tint", "warn_tint", "bad_tint", "grey_tint", "accent_tint"])
def test_a_lamp_and_a_mark_can_be_seen(lamp: str, ground: str) -> None:
    assert contrast(COLOURS[lamp], COLOURS[ground]) >= MARK


@pytest.mark.parametrize("ground", ["bg", "surface", "accent_tint", "grey_tint"])
@pytest.mark.parametrize("text", ["ink", "muted", "accent"])
def test_words_can_be_read_on_every_quiet_ground(text: str, ground: str) -> None:
    assert contrast(COLOURS[text], COLOURS[ground]) >= TEXT
