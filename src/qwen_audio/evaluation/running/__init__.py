"""A run: everything one listener is asked, the log of its answers, and its results."""
