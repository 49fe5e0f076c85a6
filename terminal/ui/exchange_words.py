"""What waits for a person, in words; what a newer region says is shown as what it is."""

from __future__ import annotations

from terminal.ui.words import Words
from terminal.usecases.exchange_view import MatterLine, MissingHours

_FAMILIES = ("quarantine", "recall")  # of codes that say their case behind the point
_NAMED = ("review.identity", "review.unmerged_dose", "review.possible_double", "desk.replaced", "feed.left")


def matter_title(words: Words, code: str) -> str:
    """What kind of matter it is, in a word or two; of one this version does not know, that it is a notice."""
    family = code.partition(".")[0]
    known = code if code in _NAMED else family if family in _FAMILIES else "other"
    return words(f"ui.inbox.is.{known}")


def matter_words(words: Words, line: MatterLine) -> str:
    """What happened and what to do; of one this version does not know, its code."""
    params = dict(line.params)
    if "field" in params:
        params["field"] = field_words(words, str(params["field"]))
    try:
        return words(line.code, **params)
    except KeyError:
        return words("ui.inbox.unknown", code=line.code)


def field_words(words: Words, field: str) -> str:
    """What the form calls a field of a child, or the field itself."""
    try:
        return words(f"ui.field.{field}")
    except KeyError:
        return field


def missing_words(words: Words, line: MissingHours) -> str:
    """Since when nothing of a desk arrived, and from which slips it is entered again."""
    slip = line.last_receipt or words("ui.inbox.no_slip")
    since = line.since.replace("T", " ")
    return words("ui.inbox.missing_how", desk=line.desk_name, since=since, receipt=slip)
