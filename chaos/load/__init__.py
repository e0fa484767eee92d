"""The open-loop load of an experiment: one run from before the fault to after it, in a process of its own."""
