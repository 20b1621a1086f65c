"""Whole-server benchmarks: one module a question, each with ``run(settings) -> Result``."""
