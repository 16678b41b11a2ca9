"""Teaching a model a user's own conversations: what is read, what learns, and the run."""
