"""Helpers of the tests: small frames, servers, judges, models."""
