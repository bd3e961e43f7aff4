"""Post-processing: what is done to vectors after they are pooled, fitted on some of them and applied to others.

Each step is fitted on what the steps before it give. All but ``unit`` are affine, so the mean and the covariance of the
vectors as they were tell those after any step, and one reading of the vectors is enough for a chain of any length. A
fitted chain is one subtraction, one multiplication, and a division by the length if it ends with ``unit``.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from wordstates.errors import InputError, OutputError, each_of_the_caller, without_foreign_errors
from wordstates.json_text import read_json, with_new_names
from wordstates.postprocess.moments import Moments
from wordstates.postprocess.steps import Step, fit_chain, parse_steps
from wordstates.wording import counted, said

ENDING = ".safetensors"
_KEY, _VERSION = "wordstates_post_processing", 1


@without_foreign_errors
@dataclass(frozen=True, eq=False, repr=False)
class PostProcessing:
    """Steps that were fitted on vectors, and can be applied to others. It never changes.

    | step | what it does |
    |---|---|
    | ``center`` | takes the mean away |
    | ``standardize`` | takes the mean away, and divides each dimension by its standard deviation |
    | ``all-but-the-top:N`` | takes the mean away, and the first N components; default dim // 100, at least 1 |
    | ``whiten`` | turns the vectors to their principal components, each with variance 1 |
    | ``pca:K`` | turns the vectors to their first K principal components |
    | ``unit`` | divides each vector by its length; last, if at all |

    Args:
        steps: The steps, as they were asked for.
        dim_in: Dimensions of the vectors it takes.
        dim_out: Dimensions of those it gives.
        rows: How many vectors it was fitted on.
        mean: What is taken away, (dim_in,), float32; None: nothing.
        linear: What is then multiplied with, float32: a number a dimension (dim_in,), or a matrix (dim_in, dim_out);
            None: nothing.
        unit: Whether vectors are divided by their length in the end.
        provenance: Where the vectors came from that it was fitted on, as `WordEmbedder.provenance` has it.

    Source:
        Mu and Viswanath 2018, "All-but-the-top"; Timkey and van Schijndel 2021, "All bark and no bite" (standardising);
        Su et al. 2021, "Whitening sentence representations", and Huang et al. 2021, "WhiteningBERT".

    Examples:
        >>> vectors = np.array([[1.0, 10.0], [3.0, 10.0], [1.0, 50.0], [3.0, 50.0]], dtype=np.float32)
        >>> post = PostProcessing.fit("standardize", [vectors])
        >>> post.apply(vectors[:2]).tolist()
        [[-1.0, -1.0], [1.0, -1.0]]
    """

    steps: tuple[str, ...]
    dim_in: int
    dim_out: int
    rows: int
    mean: Float[np.ndarray, " dim_in"] | None
    linear: Float[np.ndarray, " dim_in"] | Float[np.ndarray, "dim_in dim_out"] | None
    unit: bool
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for array in (self.mean, self.linear):
            if array is not None:
                array.setflags(write=False)

    # -- fitting -----------------------------------------------------------------------------------------------------

    @classmethod
    def fit(
        cls,
        steps: Sequence[str] | str,
        vectors: Iterable[Float[np.ndarray, "_rows _dim"]],
        *,
        provenance: Mapping[str, Any] | None = None,
    ) -> PostProcessing:
        """Fit steps on a stream of vectors, which is read once and in constant memory.

        Args:
            steps: Names of steps: ``"whiten"``, ``"standardize+unit"``, ``["pca:100", "unit"]``.
            vectors: Arrays of shape (rows, dim); rows with a NaN are left out.
            provenance: Where the vectors come from; then it is applied to no others.

        Raises:
            InputError: If a step does not exist or does not go with the others, or if the vectors are too few, have too
                few dimensions or too many, or not all the same.
        """
        if isinstance(vectors, np.ndarray) or not hasattr(vectors, "__iter__"):
            raise InputError("Vectors to fit on are a stream of arrays: write PostProcessing.fit(steps, [vectors]).")
        return cls.from_moments(steps, moments_for(steps, each_of_the_caller(vectors)), provenance=provenance)

    @classmethod
    def from_moments(
        cls,
        steps: Sequence[Step] | Sequence[str] | str,
        moments: Moments,
        *,
        provenance: Mapping[str, Any] | None = None,
    ) -> PostProcessing:
        """Fit steps on vectors of which mean and covariance are known: many chains from one reading.

        Args:
            steps: As in `fit`.
            moments: Of the vectors.
            provenance: As in `fit`.

        Raises:
            InputError: As in `fit`.
        """
        chain = parse_steps(steps)
        if not moments.count:
            raise InputError("There is no vector to fit on: the stream was empty, or every row held a NaN.")
        mean, linear = fit_chain(chain, moments)
        return cls(
            steps=tuple(map(str, chain)),
            dim_in=moments.dim,
            dim_out=moments.dim if linear is None else linear.shape[-1],
            rows=moments.count,
            mean=None if mean is None else mean.astype(np.float32),
            linear=None if linear is None else linear.astype(np.float32),
            unit=chain[-1].name == "unit",
            provenance=dict(provenance or {}),
        )

    # -- applying ----------------------------------------------------------------------------------------------------

    def apply(self, vectors: Float[np.ndarray, "rows _dim"]) -> Float[np.ndarray, "rows _dim_out"]:
        """Give vectors as the steps make them.

        Args:
            vectors: Shape (rows, dim_in); they stay as they are.

        Returns:
            float32, shape (rows, dim_out), of its own memory. A row with a NaN is NaN throughout; with ``unit``, a
            vector of length 0, which has no direction, stays 0.

        Raises:
            InputError: If the vectors have another number of dimensions.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self.dim_in:
            raise InputError(f"{self!r} takes vectors of shape (rows, {self.dim_in}), got {vectors.shape}.")
        values = vectors.astype(np.float32)
        values[np.isnan(values).any(axis=1)] = np.nan
        if self.mean is not None:
            values -= self.mean
        if self.linear is not None:
            values = values * self.linear if self.linear.ndim == 1 else values @ self.linear
        if self.unit:
            lengths = np.linalg.norm(values, axis=1, keepdims=True)
            values /= np.where(lengths == 0, np.float32(1), lengths)
        return values

    # -- what it is --------------------------------------------------------------------------------------------------

    def fingerprint(self) -> str:
        """Give 16 hex digits that stand for the steps and every number in them."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:  # hashed once: nothing in it ever changes
        digest = hashlib.sha256(json.dumps([self.steps, self.dim_in, self.dim_out, self.unit]).encode())
        for array in (self.mean, self.linear):
            digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Give what it is as plain JSON data, without the numbers: what files of its vectors say of it."""
        return {
            "steps": list(self.steps),
            "dim_in": self.dim_in,
            "dim_out": self.dim_out,
            "rows": self.rows,
            "fingerprint": self.fingerprint(),
        }

    @property
    def recipe(self) -> dict[str, Any] | None:
        """The recipe of the vectors it was fitted on, with its layer numbers; None if that is not known."""
        recipes = self.provenance.get("recipes", [])
        return dict(recipes[0]) if len(recipes) == 1 else None

    def __repr__(self) -> str:
        return f"PostProcessing({'+'.join(self.steps)!r}, {self.dim_in} -> {self.dim_out})"

    # -- files -------------------------------------------------------------------------------------------------------

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write it to a safetensors file, with all that is no array as JSON in the metadata; whole or not at all.

        Args:
            path: The file, ``NAME.safetensors``.
            overwrite: Whether to replace one that is there.

        Raises:
            OutputError: If it has another ending, is there already, or cannot be written.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import save

        path = Path(path)
        check_ending(path)
        if path.exists() and not overwrite:
            raise OutputError(f"{str(path)!r} exists: choose another name, or pass overwrite=True to replace it.")
        about = {"version": _VERSION, "steps": self.steps, "rows": self.rows, "unit": self.unit}
        about |= {"dim_in": self.dim_in, "dim_out": self.dim_out, "provenance": self.provenance}
        about["fingerprint"] = self.fingerprint()  # a checksum of the numbers: the format has none
        arrays = {"mean": self.mean, "linear": self.linear}
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            tensors = {name: np.ascontiguousarray(array) for name, array in arrays.items() if array is not None}
            # Not `save_file`: it makes files that only their owner can read.
            partial.write_bytes(save(tensors, {_KEY: json.dumps(about, ensure_ascii=False, default=str)}))
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
            partial.replace(path)
        except (OSError, SafetensorError) as error:
            raise OutputError(f"{str(path)!r} cannot be written ({said(error)}); nothing was left behind.") from error
        finally:
            partial.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | Path) -> PostProcessing:
        """Read what `save` wrote.

        Raises:
            InputError: If it is no such file, or a broken one.
        """
        from safetensors import SafetensorError, safe_open

        path = Path(path)
        if not path.is_file():
            raise InputError(f"Post-processing {str(path)!r} is not a file: make one with `wordstates fit`.")
        try:
            with safe_open(path, framework="numpy") as file:
                found = (file.metadata() or {}).get(_KEY)
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
            if found is None:
                raise InputError(f"{str(path)!r} holds no post-processing: give a file that `wordstates fit` wrote.")
            about = read_json(found)
            if about.pop("version") != _VERSION:
                raise InputError(f"{str(path)!r} is of another version: use the wordstates that wrote it.")
            about |= {"steps": tuple(about["steps"]), "provenance": with_new_names(about["provenance"])}
            fingerprint = about.pop("fingerprint", None)  # older files have none
            made = cls(**about, mean=arrays.get("mean"), linear=arrays.get("linear"))
            _check_parts(made)
            if fingerprint not in (None, made.fingerprint()):
                raise InputError(
                    f"{str(path)!r} is not what was written: its checksum differs. Copy it again, or fit it again."
                )
            return made
        except InputError:
            raise
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            ArithmeticError,
            SafetensorError,
        ) as error:
            raise InputError(
                f"{str(path)!r} cannot be read as post-processing: it is broken ({said(error)})."
            ) from error


def moments_for(steps: Sequence[str] | str, vectors: Iterable[Float[np.ndarray, "_rows _dim"]]) -> Moments:
    """Read a stream of vectors, for the moments that steps are fitted from.

    Raises:
        InputError: As in `PostProcessing.fit`.
    """
    moments = Moments(covariance=any(step.needs_covariance for step in parse_steps(steps)))
    for chunk in vectors:
        moments.add(chunk)
    return moments


def _check_parts(made: PostProcessing) -> None:
    """See that what was read from a file goes together.

    Raises:
        ValueError: If an array is missing, or has another shape than the steps and dimensions say.
        InputError: If a step does not exist.
    """
    chain = parse_steps(made.steps)
    if made.unit != (chain[-1].name == "unit"):
        raise ValueError("its steps do not go with its 'unit'")
    if (made.mean is None) != all(step.name == "unit" for step in chain):
        raise ValueError(f"its mean does not go with its steps, {'+'.join(made.steps)}")
    if made.linear is None and (made.dim_out != made.dim_in or any(step.needs_covariance for step in chain)):
        raise ValueError(f"its linear part is missing, which {'+'.join(made.steps)} has")
    shapes = {(made.dim_in, made.dim_out)} | ({(made.dim_in,)} if made.dim_out == made.dim_in else set())
    for name, array, allowed in (("mean", made.mean, {(made.dim_in,)}), ("linear part", made.linear, shapes)):
        if array is not None and (array.shape not in allowed or array.dtype != np.float32):
            raise ValueError(
                f"its {name} is {array.dtype} of shape {array.shape}, and it takes vectors of "
                f"{counted(made.dim_in, 'dimension')}"
            )


def is_post_processing(path: str | Path) -> bool:
    """Tell whether a file is one that `PostProcessing.save` wrote."""
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():  # a pipe would be waited for
        return False
    try:
        with safe_open(path, framework="numpy") as file:
            return _KEY in (file.metadata() or {})
    except (OSError, SafetensorError):
        return False


def check_ending(path: Path) -> None:
    """Check that a file of post-processing is named as one.

    Raises:
        OutputError: If not.
    """
    if path.suffix.lower() != ENDING:
        raise OutputError(f"{str(path)!r}: post-processing is kept as safetensors: name it {path.stem}{ENDING}.")
