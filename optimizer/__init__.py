"""The science of the loop: pure, no I/O, no clock, no global random state."""
