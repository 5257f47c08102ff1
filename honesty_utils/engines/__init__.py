"""Engines that answer prompts: one a file, behind one protocol, named in `ENGINES`."""

from honesty_utils.engines.loading import ModelError, ServerError
from honesty_utils.engines.options import OPTIONS, EngineOptions, check_options
from honesty_utils.engines.protocol import (
    Engine,
    MeasuringEngine,
    MeteredEngine,
    Request,
    Response,
    StreamingEngine,
    Usage,
    stream,
    usage,
)
from honesty_utils.engines.registry import ENGINES, check, gpus, identity, in_turn, load, load_all

__all__ = [
    "ENGINES",
    "OPTIONS",
    "Engine",
    "EngineOptions",
    "MeasuringEngine",
    "MeteredEngine",
    "ModelError",
    "Request",
    "Response",
    "ServerError",
    "StreamingEngine",
    "Usage",
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
