"""Environment variables by which one process of a run tells another what it needs to know."""

EVENTS = "HONESTY_EVENTS"
"""Folder in which whoever started the workflow reads what starts, ends and how far it is."""

PROGRESS = "HONESTY_PROGRESS"
"""File to which a notebook writes how far it is."""

CODE = "HONESTY_CODE"
"""Fingerprint of the code that a notebook reaches (``workflow.fingerprint``)."""

CODE_CHANGES = "HONESTY_CODE_CHANGES"
"""``report`` where what other code has made is kept."""
