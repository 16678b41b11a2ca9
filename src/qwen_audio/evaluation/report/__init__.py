"""The report on some runs: tables, plots and one page, beside what others published."""
