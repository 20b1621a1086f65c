"""Benchmarks: how fast is it, measured the same way every time? ``python -m benchmarks --list`` says what there is."""
