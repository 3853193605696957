"""The sans-I/O core: no sockets, no framework, no clock, no log. It is told what happened and calls its Port."""
