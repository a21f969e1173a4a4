"""Guards of beam search: greedy at width 1, exhaustive at full width, fair when it draws, its state."""

import itertools

import numpy as np
import pytest
from scipy.stats import chisquare

from nitograph.board import Board, Rules, allowed_next
from nitograph.errors import SamplingError
from nitograph.model.batch.decoder import BatchDecoder
from nitograph.model.decoder import Decoder
from nitograph.sampling.beam import Search, log_softmax, search_on
from nitograph.sampling.choose import Terms
from nitograph.sampling.penalties import Penalties, Tally, charged

SMALL, RULES = Board(6), Rules(2, 2)
WIDE, CLOSE = Board(14), Rules(1, 2)  # where neighbours are near enough for a chord to be short
FREE, HEAVY = Penalties(), Penalties(short=30, metres=4)


def terms_of(temperature, board=SMALL, rules=RULES, top_k=0, min_p=0.0):
    """Early and late terms."""
    return tuple(Terms(board, rules, early, temperature, top_k, min_p) for early in (True, False))


class Tree:
    """A decoder whose logits are random numbers that depend on all tokens so far."""

    def __init__(self, board=SMALL, seed=0, spread=1.5):
        self.size, self.seed, self.spread = board.num_nails + 1, seed, spread
        self.paths = np.zeros((1, 0), np.int64)

    def at(self, path):
        """The logits (n + 1,) after a path."""
        rng = np.random.default_rng([self.seed, len(path), *path])
        return (self.spread * rng.normal(size=self.size)).astype(np.float32)

    def step(self, tokens, light=None, pictures=None):
        """Append."""
        self.paths = np.concatenate([self.paths, np.asarray(tokens)[:, None]], axis=1)
        return np.stack([self.at(path) for path in self.paths])

    def select(self, rows):
        """Keep."""
        self.paths = self.paths[rows]

    def first(self):
        """The logits of the first nail."""
        return self.at(())[None]


def searched(tree, width, temperature=0.0, *, penalties=FREE, least=1, most=4, seed=0, **more):
    """The path that a beam finds in a tree."""
    board, rules = more.pop("board", SMALL), more.pop("rules", RULES)
    search = Search(width, terms_of(temperature, board, rules, **more), least, most)
    found = search_on(tree, tree.first(), search, Tally(penalties, board), seed)
    return tuple(found.tolist())


def every_path(tree, *, least=1, most=4, penalties=FREE, board=SMALL, rules=RULES):
    """Each path that may be, with its score and its number of tokens: the plain reference."""
    eos, found = board.num_nails, {}

    def grow(path, chance):
        count = len(path)
        allowed = np.ones(eos + 1, bool)
        if count:
            allowed[:eos] = allowed_next(np.array([path]), board, rules)[0]
        if count <= least:
            allowed[eos] = count > 1 and not allowed[:eos].any()
        logp = log_softmax(np.where(allowed, tree.at(path).astype(float), -np.inf)[None])[0]
        cost = sum(charged(np.array(path), board)[k] * w for k, w in penalties.to_dict().items() if w)
        if allowed[eos]:
            found[path] = (chance + logp[eos] - cost, count + 1)
        if count == most + 1:
            found[path] = (chance - cost, count)
            return
        for nail in np.flatnonzero(allowed[:eos]):
            grow((*path, int(nail)), chance + logp[nail])

    with np.errstate(divide="ignore"):
        grow((), 0.0)
    return found


def best_of_all(tree, **more):
    """The path of the best score per token."""
    reference = every_path(tree, **more)
    return max(reference, key=lambda path: reference[path][0] / reference[path][1])


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
def test_a_beam_wide_enough_is_exhaustive(temperature):
    """It finds the best of all paths by score per token, whatever the temperature and the seed."""
    for seed in range(4):
        assert searched(Tree(seed=seed), 10_000, temperature, seed=seed) == best_of_all(Tree(seed=seed))


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_beam_wide_enough_is_exhaustive_with_penalties(temperature):
    """The same; and what is best without penalties is not best with them."""
    wide = {"board": WIDE, "rules": CLOSE, "most": 2, "least": 2}
    for seed in range(2):
        best = best_of_all(Tree(WIDE, seed), penalties=HEAVY, **wide)
        found = searched(Tree(WIDE, seed), 10_000, temperature, penalties=HEAVY, seed=seed, **wide)
        assert found == best != best_of_all(Tree(WIDE, seed), **wide)


def greedy(tree, *, least, most, rules=RULES):
    """The likeliest token at each nail."""
    path = ()
    while len(path) <= most:
        logits = tree.at(path).astype(float)
        if path:
            logits[:-1][~allowed_next(np.array([path]), SMALL, rules)[0]] = -np.inf
        if len(path) <= least and np.isfinite(logits[:-1]).any():
            logits[-1] = -np.inf
        token = int(logits.argmax())
        if token == SMALL.num_nails:
            break
        path = (*path, token)
    return path


@pytest.mark.parametrize("least", [1, 5])
def test_a_beam_of_width_1_is_greedy(least):
    """At temperature 0, narrowed or not, at every seed."""
    for seed in range(20):
        wanted = greedy(Tree(seed=seed), least=least, most=12)
        for more in ({}, {"top_k": 2}, {"min_p": 0.4}, {"seed": 7}):
            assert searched(Tree(seed=seed), 1, least=least, most=12, **more) == wanted


def test_a_wider_beam_finds_a_better_score():
    """On average over trees; and the best path of a narrow beam is not always lost."""

    def worth(path, reference):
        return reference[path][0] / reference[path][1]

    gains = []
    for seed in range(12):
        reference = every_path(Tree(seed=seed))
        narrow, wide = (searched(Tree(seed=seed), width) for width in (1, 8))
        gains.append(worth(wide, reference) - worth(narrow, reference))
    assert np.mean(gains) > 0.02


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_a_stochastic_beam_of_width_1_draws_as_the_model_does(temperature):
    """Each path as often as the chances of its tokens at that temperature say (chi-square)."""
    tree, draws = Tree(seed=5, spread=1.0), 4000
    paths = [searched(Tree(seed=5, spread=1.0), 1, temperature, most=2, seed=seed) for seed in range(draws)]
    chance = {}
    for path in every_path(tree, most=2):
        total, ends = 0.0, [*path, 6] if len(path) <= 2 else list(path)
        for at, token in enumerate(ends):
            logits = tree.at(path[:at]).astype(float)
            if at:
                logits[:6][~allowed_next(np.array([path[:at]]), SMALL, RULES)[0]] = -np.inf
            if at <= 1:
                logits[6] = -np.inf
            with np.errstate(divide="ignore"):
                total += log_softmax(logits[None] / temperature)[0, token]
        chance[path] = np.exp(total)
    assert sum(chance.values()) == pytest.approx(1)
    likely = [path for path in chance if chance[path] * draws >= 5]
    counts = np.array([paths.count(path) for path in likely])
    rest = draws - counts.sum()
    wanted = draws * np.array([chance[path] for path in likely])
    observed, expected = np.append(counts, rest), np.append(wanted, draws - wanted.sum())
    assert chisquare(observed, expected).pvalue > 1e-3


def test_seeds_matter_above_temperature_0_and_only_there():
    """The same seed gives the same path; at temperature 0 every seed does."""
    warm = [searched(Tree(spread=0.3), 3, 1.0, most=8, seed=seed) for seed in range(8)]
    assert warm == [searched(Tree(spread=0.3), 3, 1.0, most=8, seed=seed) for seed in range(8)]
    assert len(set(warm)) > 4
    assert len({searched(Tree(spread=0.3), 3, 0.0, most=8, seed=seed) for seed in range(8)}) == 1


def test_the_walks_of_a_beam_are_all_different():
    """No path stands in a beam twice: what is drawn is drawn without replacement."""
    seen = []

    class Watched(Tree):
        """Notes the paths that it is asked about."""

        def step(self, tokens, light=None, pictures=None):
            logits = super().step(tokens)
            seen.append(self.paths.tolist())
            return logits

    for temperature, seed in itertools.product((0.0, 1.0), range(5)):
        searched(Watched(spread=0.1), 8, temperature, most=8, seed=seed)
    assert max(map(len, seen)) == 8
    assert all(len({tuple(path) for path in paths}) == len(paths) for paths in seen)


def test_the_rules_hold_and_a_dead_end_is_an_end():
    """Where no nail may follow a walk ends, however short; where none may begin it is an error."""
    narrow = Rules(3, 1000)  # only the opposite nail, once
    found = searched(Tree(), 4, 1.0, rules=narrow, least=4, most=8)
    assert len(found) == 2
    wild = Tree()
    wild.at = lambda path: np.full(7, np.nan, np.float32)
    with pytest.raises(SamplingError, match="not finite"):
        searched(wild, 2)


@pytest.mark.parametrize("make", [Decoder, BatchDecoder])
@pytest.mark.parametrize("sight", [False, True])
def test_each_walk_keeps_its_own_state(make, sight):
    """What a decoder says of a walk that a beam has repeated and moved is what it says of it alone."""
    from tiny import MODEL, random_weights

    weights = random_weights(MODEL.replace(sight=sight))
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 256, 4)

    def begun(decoder):
        decoder.start(np.array([3]))
        for code in codes[:3]:
            decoder.step(np.array([code]))
        return decoder.step(codes[3:])

    decoder, paths = make(weights), np.zeros((1, 0), np.int64)
    begun(decoder)
    for _ in range(9):
        rows = rng.integers(0, len(paths), rng.integers(1, 5))
        here = paths[rows, -1] if paths.shape[1] else np.zeros(len(rows), np.int64)
        nails = (here + rng.integers(2, 30, len(rows))) % 32
        decoder.select(rows)
        logits = decoder.step(nails)
        paths = np.concatenate([paths[rows], nails[:, None]], axis=1)
    for path, found in zip(paths, logits, strict=True):
        alone = make(weights)
        begun(alone)
        for nail in path:
            wanted = alone.step(np.array([nail]))
        assert np.allclose(found, wanted[0], atol=1e-4)
