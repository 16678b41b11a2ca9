"""The dialogues of the original's tutorial and demo page, held with any model."""
