"""The page of an evaluation: verdicts first, then pictures, then details. One file that fetches nothing.

Takes an Evaluation, returns HTML text; `elements` has the template and its policy. Computes no figure.

Try it: python -m nitograph evaluate --stand-in woven --samples-per-class 20 --seeds 1 --page page.html
"""

import html
from collections.abc import Sequence
from typing import Any

import numpy as np

from nitograph.evaluation.metrics import INFINITE
from nitograph.evaluation.page import confusions, given_pictures, plots, resemblance, thumbnails
from nitograph.evaluation.page.elements import fill, number, percent, spread, table
from nitograph.evaluation.protocol import Evaluation
from nitograph.evaluation.verdicts import Figure
from nitograph.evaluation.woven import Woven
from nitograph.thread import Thread

SHOWN, FAILURES, NEAREST, MIXED = 7, 24, 6, 12
MANY, FEW = 16, 4  # classes of which each has a sheet of its own, and how many threads it then has in a row
NOT_SHARES = (
    "frechet",
    "density",
    "coverage",
    "nearness",
    "pictures",
    "longest_run",
    "winding",
    "nats_light",
    "two_sample_pictures",
    "two_sample_nails",
    "two_sample_light",
)  # figures that are not shown as percentages


def page(found: Evaluation) -> str:
    """The whole page as HTML text."""
    record = found.record
    parts = [
        _head(record),
        _figures(found),
        _sheets(found),
        _blind(found),
        resemblance.section(record["two_sample"], found.suspects),
        _recognised(record),
        _failures(found),
        _copying(found),
        _likelihood(record.get("likelihood")),
        *(
            [given_pictures.section(record["winding"], found.given_pictures)]
            if found.given_pictures
            else []
        ),
        _rules_and_times(record),
    ]
    return fill(f"Evaluation of {record['candidate']}", "\n".join(parts))


def _head(record: dict[str, Any]) -> str:
    verdicts = list(record["verdicts"].values())
    passed = verdicts.count("pass")
    settings = record["settings"]
    made_with = {**record.get("model", {}), **record.get("sampling", {})}
    made = " · ".join(f"{html.escape(str(k))} {html.escape(str(v))}" for k, v in made_with.items())
    return (
        f"<h1>Evaluation of {html.escape(str(record['candidate']))}</h1>"
        f"<p><strong>{passed} of {len(verdicts)} figures reached</strong>"
        f"{_others(verdicts)}. {record['samples']} samples: "
        f"{settings['samples_per_class']} per class in {settings['seeds']} rounds, none discarded.</p>"
        f"{_form(record)}{_judged_classes(record)}"
        f'<p class="soft">{made}</p>'
    )


def _judged_classes(record: dict[str, Any]) -> str:
    """Which classes were judged, on what pictures, and which were not."""
    names, missing = ([html.escape(name) for name in record[key]] for key in ("classes", "not_judged"))
    left = (
        f" Not judged, as the source has too few pictures of them: {' '.join(missing)}." if missing else ""
    )
    source = html.escape(record["source"])
    return f"<p>{len(names)} classes on pictures of {source}: {' '.join(names)}.{left}</p>"


def _form(record: dict[str, Any]) -> str:
    """What is said where less was measured than the full protocol asks."""
    if record["form"] == "full":
        return ""
    name = "quick form" if record["form"] == "quick" else "shortened form"
    part = record["settings"]["training_threads"]
    seen = f" Copies were looked for among the first {part:,} training threads only." if part else ""
    return (
        f'<p class="open">This is the {name}, for daily work: fewer samples and less training of its '
        "networks than the full protocol has. Its figures compare with figures of the same form only."
        f"{seen}</p>"
    )


def _others(verdicts: Sequence[str]) -> str:
    return "".join(f", {verdicts.count(v)} {v}" for v in ("open", "fail") if v in verdicts)


def _figures(found: Evaluation) -> str:
    rows = [_row(figure) for figure in found.figures.values()]
    head = ("figure", "samples", "woven test", "random walks", "judged", "", "goal", "verdict")
    return (
        "<h2>Figures and verdicts</h2>"
        '<p class="soft">“Woven test” is the figure of woven real pictures: the ceiling, or the floor '
        "of a distance. The bar is the judged value with its 95 % interval against the goal. A figure "
        "fails if its whole interval misses the goal; it is open if more samples would decide.</p>"
        + table(head, rows)
    )


def _row(figure: Figure) -> tuple[str, ...]:
    goal, value = figure.goal, figure.value
    threshold = goal.at_least if goal.at_least is not None else goal.at_most or 0.0
    bar = plots.interval(
        value.value, value.low, value.high, threshold, figure.verdict, at_least=goal.at_least is not None
    )
    show = number if figure.key in NOT_SHARES else percent
    return (
        f"{html.escape(goal.title)}<small>{html.escape(goal.meaning)}</small>",
        show(figure.measured),
        show(figure.reference),
        show(figure.floor),
        f"{_judged(value.value)}<small>{_judged(value.low)} to {_judged(value.high)}</small>"
        f"{_unmerged(figure.unmerged)}",
        bar,
        goal.threshold(),
        f'<span class="{figure.verdict}">{figure.verdict}</span>',
    )


def _unmerged(figure: Figure | None) -> str:
    """The same with each class for itself, where some count as one."""
    if figure is None:
        return ""
    value = figure.value
    return (
        f"<small>each class for itself: {_judged(value.value)} ({_judged(value.low)} to "
        f"{_judged(value.high)}), {percent(figure.measured)} of {percent(figure.reference)}</small>"
    )


def _judged(value: float) -> str:
    return f"{value:.3f}" if value < INFINITE else "∞"


def _sheets(found: Evaluation) -> str:
    kinds = (("Samples, the first of each class", found.samples), ("Woven test pictures", found.reference))
    if len(found.classes) > MANY:
        return _many_sheets(found)
    columns = min(SHOWN, *(int(np.bincount(kind.labels).min()) for _, kind in kinds))
    shown = ""
    for name, kind in kinds:
        first = [thread for label in range(len(found.classes)) for thread in _of(kind, label, columns)]
        shown += (
            f'<figure><img alt="{name}" src="{thumbnails.sheet(first, columns)}">'
            f"<figcaption>{name}</figcaption></figure>"
        )
    return f'<h2>Samples beside woven test pictures</h2><div class="pair">{shown}</div>'


def _many_sheets(found: Evaluation) -> str:
    """A small sheet of each class: samples above, woven test pictures below."""
    shown = ""
    for label, name in enumerate(found.classes):
        rows = [_of(kind, label, FEW) for kind in (found.samples, found.reference)]
        columns = min(map(len, rows))
        sheet = thumbnails.sheet([thread for row in rows for thread in row[:columns]], columns)
        title = html.escape(name)
        shown += f'<figure><img alt="{title}" src="{sheet}"><figcaption>{title}</figcaption></figure>'
    return (
        "<h2>Samples beside woven test pictures</h2><p>Of each class the first samples, and below them "
        f'threads woven of test pictures.</p><div class="row sheets">{shown}</div>'
    )


def _of(kind: Woven, label: int, count: int) -> list[Thread]:
    """The first threads of a class."""
    return [kind.threads[row] for row in np.flatnonzero(kind.labels == label)[:count]]


def _blind(found: Evaluation) -> str:
    rng = np.random.default_rng(1)
    picked = [
        [kind.threads[i] for i in rng.permutation(len(kind))[:MIXED]]
        for kind in (found.samples, found.reference)
    ]
    threads, invented = thumbnails.mixed(*picked, seed=2)
    key = ", ".join(f"{i + 1}" for i, mine in enumerate(invented) if mine)
    return (
        "<h3>Can you tell them apart?</h3><p>Half of these are invented, half are woven from real "
        "pictures. Count from the left, eight per row.</p>"
        '<figure><img alt="samples and woven test pictures mixed" '
        f'src="{thumbnails.sheet(threads, 8)}"></figure>'
        f"<details><summary>Show the answer</summary><p>Invented: {key}.</p></details>"
    )


def _recognised(record: dict[str, Any]) -> str:
    details = record["recognisability"]
    classes = record["classes"]
    names = [name for name in details if isinstance(details[name], dict)]
    rows = []
    for i, name_of_class in enumerate(classes):
        cells = [html.escape(name_of_class)]
        for name in names:
            cells += [
                percent(details[name]["by_class"][i]),
                percent(details[name]["ceiling_by_class"][i]),
            ]
        closeness = record["closeness"]
        rows.append(
            [
                *cells,
                percent(closeness["coverage_by_class"][i]),
                percent(closeness["real_coverage_by_class"][i]),
            ]
        )
    head = ["class", *[f"critic {n}{end}" for n in names for end in ("", ", woven")]]
    maps = "".join(
        f"<figure>{plots.confusion(details[name]['confusion'], classes)}"
        f"<figcaption>Critic {name}: rows requested, columns read</figcaption></figure>"
        for name in names
    )
    features = html.escape(record["closeness"]["features"])
    return (
        "<h2>Class by class</h2>"
        + table([*head, "coverage", "coverage, woven"], rows)
        + f'<p class="soft">Closeness is measured in {features}; {record["closeness"]["count"]} samples '
        f"against {record['closeness']['count']} woven test pictures, k = {record['closeness']['k']}. The "
        f"Fréchet distance is {_frechet(record['closeness'])}.</p>"
        + f'<div class="row">{maps}</div>'
        + confusions.section(record)
    )


def _frechet(found: dict[str, Any]) -> str:
    value, low, high = found["frechet"]
    return f"{value:.3g} ({low:.3g} to {high:.3g}); real against real it is {found['real_frechet']:.3g}"


def _failures(found: Evaluation) -> str:
    labels, classes, wrong = found.samples.labels, found.classes, found.wrong
    votes = np.sum(list(wrong.values()), axis=0)
    worst = np.flatnonzero(wrong.get("B", votes > 0))
    worst = worst[np.argsort(-votes[worst], kind="stable")]
    if not len(worst):
        return "<h2>Failures</h2><p>Critic B misreads none of the samples.</p>"
    shown = "".join(
        _captioned(
            found.samples.threads[i],
            f"{classes[labels[i]]}, read as "
            + " ".join(f"{classes[read[i]]} ({name})" for name, read in found.read.items()),
        )
        for i in worst[:FAILURES]
    )
    return (
        f"<h2>Failures</h2><p>{len(worst)} of {len(labels)} samples are misread by critic B; "
        f'those that most critics misread come first.</p><div class="row tiles">{shown}</div>'
    )


def _captioned(thread: Thread, caption: str) -> str:
    return (
        f'<figure><img alt="" src="{thumbnails.tile(thread)}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _copying(found: Evaluation) -> str:
    mine, test = found.nearness["samples"], found.nearness["test"]
    where, training = found.nearest
    shown = ""
    for i in np.argsort(-mine, kind="stable")[:NEAREST]:
        if where[i] < 0:
            continue
        thread = found.samples.threads[i]
        twin = Thread(training.paths.path(int(where[i])), thread.board)
        shown += _captioned(thread, f"sample, {found.classes[found.samples.labels[i]]}")
        shown += _captioned(twin, f"its nearest in training, Jaccard {mine[i]:.3f}")
    plot = plots.histogram(
        mine, test, ("samples", "woven test pictures"), "Jaccard index with the nearest training thread"
    )
    count, clean = found.record["hygiene"]["training_threads"], found.record["hygiene"]
    return (
        f"<h2>Invented or copied?</h2><p>Each sample compared with {count:,} training threads. Images in "
        f"both test and training: {clean['images_in_both']}; sequences: {clean['sequences_in_both']}.</p>"
        f"{plot}<h3>The samples nearest to training</h3>"
        f'<div class="row tiles">{shown}</div>'
    )


def _likelihood(found: dict[str, Any] | None) -> str:
    if not found:
        return ""
    titles = {
        "nats_a_nail": "nats per nail, given the plan",
        "nats_a_code": "nats per plan code",
        "joint_nats_a_token": "both together, nats per token",
        "joint_nats_a_thread": "both together, nats per thread",
        "floor_nats_a_nail": "nats per nail if all legal steps were equally likely",
    }
    rows = [
        [title, *[spread(found[part].get(key)) for part in ("test", "training") if part in found]]
        for key, title in titles.items()
        if key in found["test"]
    ]
    gap = ""
    if "gap" in found:
        value, low, high = found["gap"]
        gap = f"<p>Test minus training: {value:.4f} nats per token ({low:.4f} to {high:.4f}).</p>"
    return (
        "<h2>Likelihood</h2><p>On threads woven from test images and from training images, with illegal "
        "nails masked. Codes and nails together are the exact joint of plan and thread, and so an upper "
        "bound for the thread alone; a model without a plan has no codes, and its nails give the thread "
        "exactly.</p>" + table(("", *[part for part in ("test", "training") if part in found]), rows) + gap
    )


def _rules_and_times(record: dict[str, Any]) -> str:
    rules = record["rules"]
    off = rules.get("mask_off")
    masked = (
        ""
        if off is None
        else f" Sampled without the mask, {percent(off['share'][0])} of {off['paths']} paths break one; "
        "training under the mask does not teach the rules."
    )
    chords, usual = rules["chords"], rules["test_chords"]
    times = [(html.escape(name), f"{seconds:.1f} s") for name, seconds in record["seconds"].items()]
    return (
        f"<h2>Rules and lengths</h2><p>{percent(rules['mask_on']['share'][0])} of the samples break "
        f"a rule.{masked} Chords: {chords['mean']:.0f} on average, {chords['largest']:.0f} at most; "
        f"woven test pictures {usual['mean']:.0f} and {usual['largest']:.0f}.</p>"
        f"<h2>Time</h2>{table(('part', 'time'), times)}"
    )
