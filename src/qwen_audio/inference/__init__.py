"""Answers from a loaded model."""
