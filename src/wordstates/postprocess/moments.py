"""The mean and the covariance of a stream of vectors, in one reading and in memory that does not grow with it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

from wordstates.errors import InputError
from wordstates.wording import counted

Floats = npt.NDArray[np.float64]

LARGEST_MATRIX = 8192  # dimensions: half a gigabyte a matrix
_BLOCK_ROWS, _BLOCK_NUMBERS = 1024, 2**23  # of a block (benchmarks/constants.py), which is at most 64 MB


class Moments:
    """Mean, variances and, if asked for, the covariance of vectors that come in chunks, in float64.

    Rows are gathered into blocks of one size, and a block is centred on its own mean before it is squared. So large
    means cost no digits, and the result is the same, bit for bit, however the stream is cut into chunks.

    Args:
        covariance: Whether to keep the whole covariance, a matrix of dim x dim, or the variances alone.

    Source:
        Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance" (merging blocks).

    Examples:
        >>> moments = Moments(covariance=False)
        >>> moments.add(np.array([[1.0], [np.nan]]))
        >>> moments.add(np.array([[3.0]]))
        >>> moments.count, moments.mean.tolist(), moments.variance.tolist()
        (2, [2.0], [1.0])
    """

    def __init__(self, *, covariance: bool) -> None:
        self.has_covariance = covariance
        self._block: Floats = np.zeros((0, 0))
        self._filled = 0
        self._count = 0
        self._mean: Floats = np.zeros(0)
        self._squares: Floats = np.zeros(0)  # (dim,) or (dim, dim): products of what differs from the mean, summed

    def add(self, vectors: Float[np.ndarray, "..."]) -> None:
        """Add vectors; rows with a NaN are left out.

        Args:
            vectors: Shape (rows, dim); every chunk has the same dim.

        Raises:
            InputError: If it has another shape, holds infinity, or has too many dimensions for a covariance.
        """
        if vectors.ndim != 2:
            raise InputError(f"Vectors of shape {vectors.shape} are no chunk of a stream: give arrays of (rows, dim).")
        self._make_room(vectors.shape[1])
        finite = np.isfinite(vectors).all(axis=1)
        if np.isinf(vectors[~finite]).any():
            raise InputError("Vectors to fit on hold infinity: leave those rows out, or set them to NaN.")
        rows = vectors if finite.all() else vectors[finite]
        begin = 0
        while begin < len(rows):
            end = min(begin + len(self._block) - self._filled, len(rows))
            self._block[self._filled : self._filled + end - begin] = rows[begin:end]
            self._filled += end - begin
            begin = end
            if self._filled == len(self._block):
                self._merge()

    @property
    def dim(self) -> int:
        """Dimensions of the vectors; 0 before the first chunk."""
        return len(self._mean)

    @property
    def count(self) -> int:
        """Vectors added, those with a NaN left out."""
        return self._count + self._filled

    @property
    def mean(self) -> Floats:
        """The mean, (dim,)."""
        self._merge()
        return self._mean.copy()

    @property
    def variance(self) -> Floats:
        """The variance of each dimension, (dim,): the mean of the squares, as `numpy.var` has it."""
        self._merge()
        squares = np.diag(self._squares) if self.has_covariance else self._squares
        return squares / max(self._count, 1)

    @property
    def covariance(self) -> Floats:
        """The covariance, (dim, dim), divided by the number of vectors.

        Raises:
            InputError: If it was not kept.
        """
        if not self.has_covariance:
            raise InputError("These moments are means and variances alone: begin with Moments(covariance=True).")
        self._merge()
        return self._squares / max(self._count, 1)

    def _make_room(self, dim: int) -> None:
        if self.dim == dim and self._block.size:
            return
        if self.dim:
            raise InputError(
                f"Vectors of {counted(dim, 'dimension')} came after vectors of {self.dim}: give those of one recipe."
            )
        if not dim:
            raise InputError("Vectors of no dimension cannot be fitted on.")
        if self.has_covariance and dim > LARGEST_MATRIX:
            raise InputError(
                f"A matrix of {dim} x {dim} numbers is too large: whiten, pca and all-but-the-top take at most "
                f"{LARGEST_MATRIX} dimensions; use center or standardize, or pool fewer layers by concat."
            )
        self._block = np.empty((max(1, min(_BLOCK_ROWS, _BLOCK_NUMBERS // dim)), dim))
        self._mean = np.zeros(dim)
        self._squares = np.zeros((dim, dim) if self.has_covariance else dim)

    def _merge(self) -> None:
        """Put the current block together with all that came before."""
        if not self._filled:
            return
        block = self._block[: self._filled]
        mean = block.mean(axis=0)
        block -= mean
        count = self._count + self._filled
        shift = mean - self._mean
        weight = self._count * self._filled / count
        if self.has_covariance:
            self._squares += block.T @ block
            self._squares += np.outer(shift * weight, shift)
        else:
            self._squares += np.einsum("rd,rd->d", block, block) + shift * shift * weight
        self._mean = self._mean + shift * (self._filled / count)
        self._count, self._filled = count, 0
