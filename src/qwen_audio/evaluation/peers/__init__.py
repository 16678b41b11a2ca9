"""Who can be asked: our models, and other people's behind one small protocol."""
