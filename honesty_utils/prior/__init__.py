"""Sets made for one model: what it knows by its own word (PKQA), what it cannot know (PUQA)."""
