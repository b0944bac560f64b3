"""A server that speaks the wire protocols of the three providers, by script, and keeps account of it."""
