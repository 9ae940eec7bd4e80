"""Posts so many bytes so many times with requests, on one connection where the server lets it, and prints what each came to."""
import sys

import requests

url, size, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
session = requests.Session()
for _ in range(times):
    try:
        print(session.post(url, b"x" * size, headers={"content-type": "application/json"}).status_code)
    except OSError as error:
        print(error)
