"""Public corpora as their authors ship them: small readers, one table, and `prepare`."""
