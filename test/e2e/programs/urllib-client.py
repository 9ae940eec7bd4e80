"""Posts so many bytes so many times with urllib and prints what each post came to."""
import sys
import urllib.error
import urllib.request

url, size, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for _ in range(times):
    request = urllib.request.Request(url, b"x" * size, {"content-type": "application/json"})
    try:
        print(urllib.request.urlopen(request).status)
    except urllib.error.HTTPError as error:
        print(error.code)
    except OSError as error:
        print(error)
