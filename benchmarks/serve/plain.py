"""A plain server as people write one: FastAPI around sentence-transformers. Runs in an environment of its own.

python plain.py MODEL PORT
"""

from __future__ import annotations

import sys
from threading import Lock
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from sentence_transformers import SentenceTransformer

app = FastAPI()
model = SentenceTransformer(sys.argv[1], device="cpu")
lock = Lock()  # a tokenizer is not to be called by two threads at once


def embed_all(body: dict[str, Any]) -> JSONResponse:
    """Give a vector a token, special tokens included."""
    with lock:
        found = model.encode(body["inputs"], output_value="token_embeddings", convert_to_numpy=False)
    return JSONResponse([vectors.tolist() for vectors in found])


def embed(body: dict[str, Any]) -> JSONResponse:
    """Give one vector per text."""
    with lock:
        found = model.encode(body["inputs"])
    return JSONResponse(found.tolist())


def ready() -> dict[str, str]:
    """Say that the model is loaded."""
    return {"status": "ready"}


app.post("/embed_all")(embed_all)
app.post("/embed")(embed)
app.get("/ready")(ready)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error", access_log=False)
