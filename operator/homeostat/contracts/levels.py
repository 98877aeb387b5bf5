"""Levels of autonomy, 0 to 5, after TS 28.100."""

from typing import Annotated

from pydantic import Field

AutonomyLevel = Annotated[int, Field(ge=0, le=5)]
"""0: evaluates. 1: records what it would have done. 2: acts after approval. 3, 4, 5: acts by itself where a rule says
autonomous and the risk is at most Low, Medium, High."""

LARGEST_LEVEL = 5
