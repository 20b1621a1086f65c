"""One function each, over a fixed corpus: modules with ``prepare(seed, size) -> Work`` (see ``benchmarks.timing``)."""
