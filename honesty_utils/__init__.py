"""Helper package of the honesty-alignment notebooks: all logic lives here, no notebook knows a formula."""

__version__ = "0.1.0"
