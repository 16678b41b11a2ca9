"""Shared fixtures: clips made by arithmetic, and one thread so that tests are equal everywhere."""
