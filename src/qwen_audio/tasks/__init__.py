"""The tasks Qwen-Audio is taught: labels, tags, targets and how replies are read."""
