# The command `ctx` on another host: sends its arguments to the worker, and prints what comes back.
import argparse
import json
import os
import sys
import urllib.request


def main():
    parser = argparse.ArgumentParser(prog="ctx")
    parser.add_argument("-t", "--timeout", type=int, default=30)
    parser.add_argument("--socket-url", default=os.environ.get("CTX_SOCKET_URL"))
    parser.add_argument("--json-arg-prefix", default="@")
    parser.add_argument("-j", "--json-output", action="store_true")
    parser.add_argument("args", nargs="*")
    options = parser.parse_args()
    prefix = options.json_arg_prefix
    values = [json.loads(word[len(prefix):]) if word.startswith(prefix) else word for word in options.args]
    body = json.dumps({"args": values}).encode()
    request = urllib.request.Request(options.socket_url, body, {"Content-Type": "application/json"})
    # The worker is on the other end of the connection, whatever proxy this host has.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=options.timeout) as response:
        answer = json.load(response)
    payload = answer["payload"]
    if answer["type"] == "error":
        sys.exit("RequestError: {type}: {message}".format(**payload))
    if answer["type"] == "stop_operation":
        sys.exit(str(payload["message"]))
    if options.json_output:
        sys.stdout.write(json.dumps(payload))
    elif payload:
        sys.stdout.write(str(payload))


main()
