"""One question set a file: a docstring that shows a real record, and ``read(spec, data)``."""
