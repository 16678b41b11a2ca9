"""Metrics of the field as pure functions on strings, through the field's own libraries."""
