#!/opt/reachinbox/bin/python
"""The image's health check: whether the API answers. Exit status 0 or 1; needs the standard library alone."""

import http.client
import os
import sys

connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or 3000), timeout=4)
try:
    connection.request("GET", "/healthz")
    sys.exit(connection.getresponse().status != http.client.OK)
except (OSError, http.client.HTTPException) as error:
    sys.exit(f"the API does not answer: {error}")
