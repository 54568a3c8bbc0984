"""`python -m app.cli`, the same as `reachinbox`."""

import sys

from app.cli import main

sys.exit(main())
