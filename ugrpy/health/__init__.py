"""Who is well enough to be asked. Pure, but for ``prober``, which sleeps and awaits the probe it is given."""
