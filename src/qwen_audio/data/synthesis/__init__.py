"""Labelled audio made by the package itself: speech, scenes, notes."""
