"""Tokens, tags, timestamps, messages and the one prompt renderer."""
