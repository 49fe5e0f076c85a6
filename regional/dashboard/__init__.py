"""The region's pages for people: server-rendered, signed in, in both languages (docs/dashboard.md)."""
