"""Where the areas are put together: a federation from a configuration, a process around it, the operators' pages."""
