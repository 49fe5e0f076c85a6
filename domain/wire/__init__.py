"""The frozen formats of docs/formats.md: events, chain, batch, signed request, signed documents."""

import msgspec

# What reading JSON can raise: bad JSON or a wrong type, bad UTF-8, nesting deeper than the reader goes.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
