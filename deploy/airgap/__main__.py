"""`python -m deploy.airgap`: the same as `echobase airgap`."""

import sys

from deploy.airgap.commands import airgap
from shared.errors import EchoBaseError

if __name__ == "__main__":
    try:
        airgap(prog_name="airgap")
    except EchoBaseError as error:
        sys.exit(f"airgap: {error}")
