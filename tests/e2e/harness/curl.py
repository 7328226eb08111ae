"""curl, as a client that nobody here wrote."""


def curl(stage, server, path, *options, code=0):
    """(status, {header: value}, body) of one request."""
    url = server.url.replace("ws://", "http://") + path
    process = stage.process(
        ["curl", "--silent", "--show-error", "--include", "--max-time", "60", *options, url]
    )
    assert process.wait() == code, process.stderr
    head, _, body = process.stdout.partition(b"\r\n\r\n")
    while head.startswith(b"HTTP/1.1 100 "):
        head, _, body = body.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(status.split()[1]), headers, body
