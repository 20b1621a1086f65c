"""What tools that were written for DynaFed go on reading."""
