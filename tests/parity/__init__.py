"""Which rows of the reference checklists are proved, by which tests, with which real programs?

``plugin`` records every test of a run, ``status`` judges each row from the records, ``report`` writes
``docs/parity.md`` and ``docs/parity.json``; ``python -m tests.parity`` does the last two.
"""
