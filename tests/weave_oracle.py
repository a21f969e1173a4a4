"""The plain greedy: every chord's pixels listed, every legal chord scored at every step."""

import numpy as np

from nitograph.board import allowed_next
from nitograph.light import chords
from nitograph.light.bands import FINE
from nitograph.light.cells import MIN_GAIN
from nitograph.weaving.encoder import WeaveSettings
from nitograph.weaving.loops.original_lines import thick_lines


def chord_pixels(ring: chords.Chords, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Flat pixel numbers and shares (1 to FINE) of one chord, from the definition of its band."""
    top, rise, height, first, stop, steep = (int(value) for value in ring.lines[number])
    size, places, shares = ring.canvas_size, [], []
    for u in range(first, stop):
        low = max((top + (u - first) * rise) // 2**13, 0)
        high = min((top + (u - first) * rise) // 2**13 + height, size * FINE)
        for v in range(size):
            share = min(high, (v + 1) * FINE) - max(low, v * FINE)
            if share > 0:
                places.append(u * size + v if steep else v * size + u)
                shares.append(share)
    return np.array(places, dtype=np.int64), np.array(shares, dtype=np.int64)


class PlainWeaver:
    """Greedy over real-valued definitions, on the same whole numbers as the fast one."""

    def __init__(self, settings: WeaveSettings) -> None:
        self.settings = settings
        self.ring = chords.all_chords(settings.nails, settings.canvas_size, settings.width)
        self.pixels = [chord_pixels(self.ring, k) for k in range(len(self.ring.lines))]
        self.strength, self.white = chords.fixed_strength(settings.line_strength)

    def gain(self, left: np.ndarray) -> np.ndarray:
        """By how much one chord over a whole pixel lowers its weighted error, ÷ strength, rounded."""
        over = self.settings.false_positive_weight
        after = left - self.strength
        if over == 1.0:
            return np.maximum(2 * left - self.strength, MIN_GAIN)
        before = np.where(left >= 0, 1.0, over) * left.astype(float) ** 2
        exact = np.rint((before - over * after.astype(float) ** 2) / self.strength).astype(np.int64)
        return np.maximum(np.where(after >= 0, 2 * left - self.strength, exact), MIN_GAIN)

    def score(self, gain: np.ndarray, number: int) -> float:
        """The score of one chord on a map of gains."""
        places, shares = self.pixels[number]
        share = self.strength / FINE
        extra = np.float32(share * float(np.sum(shares * (FINE - shares))))
        length = max(shares.sum() / FINE, 1.0)
        scale = np.float32(share / self.white**2 / length**self.settings.length_power)
        return (int(np.sum(shares * gain[places])) + float(extra)) * float(scale)

    def weave(self, wanted: np.ndarray) -> list[int]:
        """The nails for one target (c, c)."""
        s, n = self.settings, self.settings.nails
        left = np.rint(wanted.reshape(-1).astype(np.float64) * self.white).astype(np.int64)
        starts = [s.start_nail] if s.start_nail is not None else self.best_first(left)
        path, scores = [starts[0]], []
        while len(path) <= s.max_lines:
            if len(path) == 2 and len(starts) == 2:
                ahead, back = self.best(path, left)[1], self.best(path[::-1], left)[1]
                path = path[::-1] if back > ahead else path
            nail, score = self.best(path, left)
            if nail < 0 or (score <= s.stop_score and len(path) > s.min_lines):
                break
            number = int(chords.numbers(np.array([path[-1], nail]), n)[0])
            places, shares = self.pixels[number]
            left[places] -= shares * (self.strength // FINE)
            path.append(nail)
            scores.append(score)
        return path

    def fall(self, gain: np.ndarray, number: int) -> float:
        """By how much one chord lowers the error, ÷ a constant."""
        places, shares = self.pixels[number]
        extra = np.float32(self.strength / FINE * float(np.sum(shares * (FINE - shares))))
        return int(np.sum(shares * gain[places])) + float(extra)

    def beam(self, wanted: np.ndarray, width: int) -> list[int]:
        """The best of `width` walks side by side for one target (c, c), from the nail that is set."""
        s, n = self.settings, self.settings.nails
        left = np.rint(wanted.reshape(-1).astype(np.float64) * self.white).astype(np.int64)
        walks, ended = [(0.0, [s.start_nail or 0], left)], []
        while walks:
            steps: list[tuple[float, int, int]] = []
            for index, (fallen, path, left) in enumerate(walks):
                allowed, gain = allowed_next(np.array([path]), s.board, s.rules)[0], self.gain(left)
                going = []
                for nail in np.flatnonzero(allowed) if len(path) <= s.max_lines else ():
                    number = int(chords.numbers(np.array([path[-1], nail]), n)[0])
                    if self.score(gain, number) > s.stop_score or len(path) <= s.min_lines:
                        going.append((fallen + self.fall(gain, number), index, int(nail)))
                if not going:
                    ended.append((fallen, path))
                for step in going:
                    if not any(
                        t[2] == step[2] and abs(t[0] - step[0]) <= 1e-9 * abs(step[0]) for t in steps
                    ):
                        steps = sorted([*steps, step], key=lambda t: -t[0])[:width]
            after = []
            for fallen, index, nail in steps:
                path, left = walks[index][1], walks[index][2].copy()
                places, shares = self.pixels[int(chords.numbers(np.array([path[-1], nail]), n)[0])]
                left[places] -= shares * (self.strength // FINE)
                after.append((fallen, [*path, nail], left))
            walks = after
        return max(ended, key=lambda found: found[0])[1]

    def best(self, path: list[int], left: np.ndarray) -> tuple[int, float]:
        """The best legal nail and its score."""
        allowed = allowed_next(np.array([path]), self.settings.board, self.settings.rules)[0]
        gain, best, chosen = self.gain(left), -np.inf, -1
        for nail in np.flatnonzero(allowed):
            number = int(chords.numbers(np.array([path[-1], nail]), self.settings.nails)[0])
            score = self.score(gain, number)
            if score > best:
                best, chosen = score, int(nail)
        return chosen, best

    def best_first(self, left: np.ndarray) -> list[int]:
        """Both nails of the best first chord."""
        gain, best, found = self.gain(left), -np.inf, [0, 0]
        board, gap = self.settings.board, self.settings.min_nail_gap
        for a in range(self.settings.nails):
            for b in range(a + 1, self.settings.nails):
                if board.distance(np.array(a), np.array(b)) < gap:
                    continue
                number = int(chords.numbers(np.array([a, b]), self.settings.nails)[0])
                score = self.score(gain, number)
                if score > best:
                    best, found = score, [a, b]
        return found


class PlainOriginal:
    """The original's greedy: the pixels of every line listed, every legal line scored at every step."""

    def __init__(self, settings: WeaveSettings) -> None:
        self.settings, n = settings, settings.nails
        self.lines = thick_lines(n, settings.canvas_size, int(settings.line_radius))
        self.fine = 2.0**30 / (
            settings.canvas_size * 2 * settings.line_strength * max(1.0, settings.false_positive_weight)
        )

    def pixels(self, number: int) -> np.ndarray:
        """Flat pixel numbers of one thick line."""
        size, found = self.lines.canvas_size, []
        for begin, end in self.lines.runs[self.lines.first[number] : self.lines.first[number + 1]].tolist():
            row, start = divmod(begin, size + 2)
            steep, row = divmod(row, size)
            places = np.arange(start, start + end - begin)
            found.append(places * size + row if steep else row * size + places)
        return np.concatenate(found)

    def gains(self, target: np.ndarray, shown: np.ndarray) -> np.ndarray:
        """By how much one more line lowers the weighted squared error of each pixel, in 1/fine."""
        s = self.settings
        before, after = target - shown, target - np.minimum(shown + s.line_strength, 1.0)
        weighed = [x * np.where(x > 0, x, s.false_positive_weight * x) for x in (before, after)]
        return np.rint((weighed[0] - weighed[1]) * self.fine).astype(np.int64)

    def weave(self, wanted: np.ndarray) -> list[int]:
        """The nails for one target (c, c)."""
        s, n = self.settings, self.settings.nails
        target, shown, path = wanted.reshape(-1).astype(float), np.zeros(wanted.size), [s.start_nail or 0]
        scale = 1 / self.fine / np.maximum(self.lines.pixels, 1) ** s.length_power
        while len(path) <= s.max_lines:
            allowed = allowed_next(np.array([path]), s.board, s.rules)[0]
            gains, best, chosen = self.gains(target, shown), -np.inf, -1
            for nail in np.flatnonzero(allowed):
                number = path[-1] * n + int(nail)
                score = int(gains[self.pixels(number)].sum()) * scale[number]
                if score > best:
                    best, chosen = score, int(nail)
            if chosen < 0 or (best <= s.stop_score and len(path) > s.min_lines):
                break
            places = self.pixels(path[-1] * n + chosen)
            shown[places] = np.minimum(shown[places] + s.line_strength, 1.0)
            path.append(chosen)
        return path
