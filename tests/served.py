"""A server on a port of this machine, in a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import uvicorn

from patience import A_HANG, wait_until
from wordstates import WordEmbedder
from wordstates.serve.address import listen
from wordstates.serve.app import make_app
from wordstates.serve.exchange import Service
from wordstates.serve.run import config_of


@contextmanager
def serving(embedders: Mapping[str, WordEmbedder], **options: Any) -> Iterator[tuple[int, Service, uvicorn.Server]]:
    """Serve models, and give the port; options are those of `make_app`."""
    app, service = make_app(embedders, **options)
    with listen("127.0.0.1", 0) as listening:
        listening.listen(256)
        config = config_of(app, service)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            wait_until(lambda: service.ready)
            yield listening.getsockname()[1], service, server
        finally:
            server.should_exit = True
            thread.join(A_HANG)
