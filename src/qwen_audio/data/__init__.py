"""Records, shards, mixtures, augmentation and synthesis for training."""
