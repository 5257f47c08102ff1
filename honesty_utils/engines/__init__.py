"""Engines that answer prompts: one a file, behind one protocol, named in `ENGINES`."""

from honesty_utils.engines.loading import ModelError, ServerError, Unanswered
from honesty_utils.engines.options import OPTIONS, EngineOptions, check_options
from honesty_utils.engines.protocol import (
    Asks,
    Engine,
    HiddenEngine,
    MeasuringEngine,
    MeteredEngine,
    Request,
    Response,
    ScoringEngine,
    States,
    StreamingEngine,
    Usage,
    stream,
    usage,
)
from honesty_utils.engines.registry import ENGINES, can, check, gpus, identity, in_turn, load, load_all

__all__ = [
    "ENGINES",
    "OPTIONS",
    "Asks",
    "Engine",
    "EngineOptions",
    "HiddenEngine",
    "MeasuringEngine",
    "MeteredEngine",
    "ModelError",
    "Request",
    "Response",
    "ScoringEngine",
    "ServerError",
    "States",
    "StreamingEngine",
    "Unanswered",
    "Usage",
    "can",
    "check",
    "check_options",
    "gpus",
    "identity",
    "in_turn",
    "load",
    "load_all",
    "stream",
    "usage",
]
