"""The benchmarks: which clips, what is asked, what is right, and how it is scored."""
