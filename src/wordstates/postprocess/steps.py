"""The steps of post-processing: their names, and how a chain of them is fitted from a mean and a covariance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from wordstates.errors import InputError
from wordstates.postprocess.moments import Floats, Moments
from wordstates.wording import counted

# What computing in float32 leaves where exact numbers would not vary: some roundings of each value.
_ROUNDING = (4 * float(np.finfo(np.float32).eps)) ** 2


@dataclass(frozen=True)
class Step:
    """One step by its name, and its number where it has one: ``pca:100``.

    Args:
        name: One of `STEPS`.
        number: Components to keep (``pca``) or to take away (``all-but-the-top``).
    """

    name: str
    number: int | None = None

    @property
    def needs_covariance(self) -> bool:
        """Whether the variances are not enough to fit it."""
        return self.name in ("all-but-the-top", "whiten", "pca")

    def __str__(self) -> str:
        return self.name if self.number is None else f"{self.name}:{self.number}"


STEPS = ("center", "standardize", "all-but-the-top", "whiten", "pca", "unit")
_NUMBERED = {"all-but-the-top", "pca"}
_MOST_DIGITS = 10  # of a number of components


def parse_steps(steps: Sequence[Step] | Sequence[str] | str) -> tuple[Step, ...]:
    """Read the steps of a chain.

    Args:
        steps: One text with ``+`` between the steps, or a list.

    Raises:
        InputError: If a step does not exist, or ``unit`` is not the last.

    Examples:
        >>> [str(step) for step in parse_steps("pca:100 + unit")]
        ['pca:100', 'unit']
    """
    parts = [part for step in ([steps] if isinstance(steps, str) else steps) for part in _parts(step)]
    if not parts:
        raise InputError(f"No step of post-processing was given: {_FORMS}")
    if any(step.name == "unit" for step in parts[:-1]):
        raise InputError(
            f"Step 'unit' is followed by others in {'+'.join(map(str, parts))!r}: it comes last, because what follows "
            "cannot be fitted in one reading."
        )
    return tuple(parts)


def _parts(step: Step | str) -> list[Step]:
    return [step] if isinstance(step, Step) else [_parse(part.strip()) for part in step.split("+")]


def _parse(text: str) -> Step:
    name, colon, number = text.partition(":")
    if name not in STEPS:
        raise InputError(f"Step {text[:60]!r} does not exist: {_FORMS}")
    if not colon and name != "pca":
        return Step(name)
    if (
        name not in _NUMBERED
        or not (number.isascii() and number.isdecimal())
        or not 0 < len(number) < _MOST_DIGITS
        or int(number) < 1
    ):
        raise InputError(f"Step {text[:60]!r} is not written so: {_FORMS}")
    return Step(name, int(number))


_FORMS = "choose from center, standardize, all-but-the-top or all-but-the-top:N, whiten, pca:K, unit, with + between."


def check_dim(steps: Sequence[Step], dim: int) -> None:
    """Check that vectors have dimensions enough for the steps, as far as that is known before they are fitted.

    Raises:
        InputError: If they have not.
    """
    for step in steps:
        taken = _number(step, dim)
        most = {"pca": dim, "all-but-the-top": dim - 1}.get(step.name, taken)
        if taken > most:
            raise InputError(
                f"Step {str(step)!r} is too much for vectors of {counted(dim, 'dimension')}: give at most {most}."
            )
        dim = taken if step.name == "pca" else dim


def _number(step: Step, dim: int) -> int:
    """Give the components that a step keeps or takes away; Mu and Viswanath take away a hundredth."""
    return max(1, dim // 100) if step.number is None else step.number


def fit_chain(steps: Sequence[Step], moments: Moments) -> tuple[Floats | None, Floats | None]:
    """Fit steps one after the other, and fold them into one map x -> (x - mean) * linear.

    Args:
        steps: The steps.
        moments: Of the vectors; with their covariance if a step needs it.

    Returns:
        The mean, (dim,), and the linear part, (dim,) or (dim, dim_out); None for what does nothing.

    Raises:
        InputError: If there are too few vectors or dimensions for a step.
    """
    check_dim(steps, moments.dim)
    linear_steps = [step for step in steps if step.name != "unit"]
    if not linear_steps:
        return None, None
    matrix = any(step.needs_covariance for step in linear_steps)
    state = _State(moments, np.ones(moments.dim), moments.covariance if matrix else moments.variance)
    for step in linear_steps:
        check_dim([step], state.dim)  # again: whitening may have left some out
        _check_count(step, moments.count, state.dim)
        _FIT[step.name](state, step)
    nothing = state.linear.ndim == 1 and bool((state.linear == 1).all())
    return moments.mean, None if nothing else state.linear


def _check_count(step: Step, count: int, dim: int) -> None:
    least = {"center": 1, "standardize": 2, "whiten": dim + 1}.get(step.name, _number(step, dim) + 1)
    if count < least:
        raise InputError(
            f"Step {str(step)!r} needs {counted(least, 'vector')} of {counted(dim, 'dimension')} or more, got "
            f"{count:,}."
        )


@dataclass
class _State:
    """A chain as far as it is fitted.

    Args:
        moments: Of the vectors as they were.
        linear: What they are multiplied with so far, once the mean is taken away: (dim,) or (dim, dim now).
        spread: Variances (dim now,) or covariance (dim now, dim now) of what comes out so far.
    """

    moments: Moments
    linear: Floats
    spread: Floats

    @property
    def dim(self) -> int:
        return len(self.spread)

    def then(self, following: Floats) -> Floats:
        """Give the linear part with one more behind it, a number a dimension or a matrix."""
        if following.ndim == 1:
            return self.linear * following
        return self.linear[:, None] * following if self.linear.ndim == 1 else self.linear @ following

    def noise(self, following: Floats) -> Floats:
        """Give the variance that may be mere rounding in each dimension that comes out behind one more linear part.

        It is what float32 makes of the vectors, or what float64 makes of their covariance, whichever is larger; the
        latter is relative to the largest variance, and beside that one so little counts for nothing anyway.
        """
        whole = self.then(following)
        squares = self.moments.variance + self.moments.mean**2
        rounded: Floats = _ROUNDING * (whole**2 * squares if whole.ndim == 1 else squares @ whole**2)
        variances = np.diag(self.spread) if self.spread.ndim == 2 else self.spread
        return rounded.clip(min=self.dim * np.finfo(np.float64).eps * variances.max())

    def components(self) -> tuple[Floats, Floats]:
        """Give the variances of the principal components, the largest first, and the components as columns."""
        values, vectors = np.linalg.eigh(self.spread)
        values, vectors = values[::-1].clip(min=0.0), vectors[:, ::-1]
        # The sign of a component is anybody's: its largest number is positive, as in scikit-learn.
        signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])])
        return values, vectors * signs


def _center(_state: _State, _step: Step) -> None:
    """Do nothing more: the mean is taken away first of all, and no linear step brings one back."""


def _standardize(state: _State, _step: Step) -> None:
    variance = np.diag(state.spread) if state.spread.ndim == 2 else state.spread
    varies = variance > state.noise(np.ones(state.dim))
    scale = 1 / np.sqrt(np.where(varies, variance, 1.0))  # a constant dimension becomes 0, not noise
    state.linear = state.then(scale)
    state.spread = state.spread * (np.outer(scale, scale) if state.spread.ndim == 2 else scale**2)


def _all_but_the_top(state: _State, step: Step) -> None:
    values, vectors = state.components()
    number = _number(step, state.dim)
    top = vectors[:, :number]
    state.spread = state.spread - (top * values[:number]) @ top.T
    state.linear = state.then(np.eye(len(top)) - top @ top.T)


def _whiten(state: _State, step: Step) -> None:
    values, vectors = state.components()
    varies = values > state.noise(vectors)
    if not varies.any():
        raise InputError(f"Step {str(step)!r} needs vectors that differ, and all are the same but for rounding.")
    count = state.moments.count
    scale = np.sqrt(values[varies] * count / (count - 1))  # the variance of a sample, as in PCA(whiten=True)
    state.linear = state.then(vectors[:, varies] / scale)
    state.spread = np.eye(int(varies.sum())) * (count - 1) / count


def _pca(state: _State, step: Step) -> None:
    values, vectors = state.components()
    number = _number(step, state.dim)
    state.linear = state.then(vectors[:, :number])
    state.spread = np.diag(values[:number])


_FIT: dict[str, Callable[[_State, Step], None]] = {
    "center": _center,
    "standardize": _standardize,
    "all-but-the-top": _all_but_the_top,
    "whiten": _whiten,
    "pca": _pca,
}
