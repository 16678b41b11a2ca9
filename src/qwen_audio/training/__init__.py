"""Recipes, stages and the run."""
