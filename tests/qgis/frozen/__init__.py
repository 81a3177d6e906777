"""Ids, parameters and outputs of every tool and of the ready models, as they are frozen: a file per toolbox group."""

from __future__ import annotations

from . import composition, embedding, screening, segmentation, setup, sites, statistics
from .choices import ADVANCED, OPTIONAL
from .ready_models import READY_MODELS

__all__ = ["ADVANCED", "FROZEN", "OPTIONAL", "OUTPUTS", "READY_MODELS"]

_GROUPS = (sites, screening, embedding, segmentation, composition, statistics, setup)
#: Parameters of every tool: name, type, default, then what marks it. For enumerations the options follow.
FROZEN = {tool: rows for group in _GROUPS for tool, rows in group.PARAMETERS.items()}
#: Outputs of every tool, each with its type.
OUTPUTS = {tool: outputs for group in _GROUPS for tool, outputs in group.OUTPUTS.items()}
