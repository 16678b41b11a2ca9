"""Where weights come from and go to: released layout, assembled models, base weights."""
