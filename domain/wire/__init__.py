"""The frozen formats of docs/formats.md: events, chain, batch, signed request, signed documents."""
