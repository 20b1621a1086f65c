"""Which rows of the reference checklists are proved, by which tests, with which real programs?

``plugin`` records every test of a run, ``measured`` reads what benchmarks found, ``status`` judges each row from both, ``report`` writes
``docs/parity.md`` and ``docs/parity.json``; ``python -m tests.parity`` does the last two.
"""
