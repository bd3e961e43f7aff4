"""The address that a server listens at; the page of `wordstates explore` has its own there too."""

from __future__ import annotations

import socket

from wordstates.errors import InputError


def listen(host: str, port: int) -> socket.socket:
    """Bind to an address.

    Args:
        host: The address.
        port: The port, which must be free; 0: any.

    Raises:
        InputError: If it is taken, or there is no such address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol said, asyncio sends each answer at once; else its last part would wait 40 ms for the client.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        other = "address" if isinstance(error, socket.gaierror) else "port"
        raise InputError(f"Port {port} of {host} cannot be used ({error.strerror}): choose another {other}.") from error
    return listening


def url_of(listening: socket.socket) -> str:
    """Give the address of what is listened at, as a browser takes it."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
