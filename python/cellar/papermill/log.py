"""The logger of all that this package says."""

import logging

logger = logging.getLogger("papermill")
