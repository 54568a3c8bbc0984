"""How long a test waits for what should happen at once before it says that it does not happen.

Far more than it takes: a machine that does other things, too, is no fault; and when all is well a bound costs nothing.
An event that would happen by itself within it (a poll, a time-out) has to be put off, or its time compared with.
"""

from __future__ import annotations

BOUND_S = 60.0
