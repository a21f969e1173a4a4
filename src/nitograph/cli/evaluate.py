"""nitograph evaluate: measure what a model invents, or any file of threads; write a record and a page.

It is judged on MNIST's digits, or on the classes that it knows of other pictures: `--source`. With
`--sweep` it compares sampling settings instead, on validation images alone.

Try it: python -m nitograph evaluate --samples-per-class 20 --seeds 1
"""

import argparse
import functools
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nitograph.api.models import find_weights, make_decoder
from nitograph.cli.models import add_model_arguments, read_sampling
from nitograph.cli.options import add_settings, read_settings
from nitograph.cli.progress import progress
from nitograph.corpus.rows import load_corpus
from nitograph.errors import SettingsError
from nitograph.io import threads as thread_files
from nitograph.io.files import read_text, write_bytes, write_text
from nitograph.io.outputs import JSON, PAGE, PNG, Output, claim
from nitograph.untrusted import need, reading

if TYPE_CHECKING:
    from nitograph.corpus.rows import Corpus, CorpusSettings
    from nitograph.evaluation.candidates import Candidate, ModelCandidate
    from nitograph.evaluation.material import Material
    from nitograph.evaluation.settings import EvaluationSettings
    from nitograph.evaluation.woven import Training
    from nitograph.model.weights import Weights
    from nitograph.thread import Thread

PARTS = 14


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is evaluated, how many samples, and where to write."""
    from nitograph.evaluation.settings import EvaluationSettings

    parser.add_argument(
        "--output",
        "-o",
        default="evaluation.json",
        help="where to write the JSON record (default %(default)s)",
    )
    parser.add_argument(
        "--page", default="evaluation.html", help="where to write the HTML page (default %(default)s)"
    )
    parser.add_argument(
        "--source",
        action="append",
        metavar="KIND:WHERE",
        help="test and train pictures of the classes to judge, as mnist or idx:DIR; several are "
        "joined (default mnist)",
    )
    parser.add_argument(
        "--threads", metavar="FILE", help="evaluate the labelled threads in this file (JSON lines)"
    )
    parser.add_argument(
        "--stand-in",
        choices=("woven", "copier", "rewinder", "prototypes", "random", "swapped"),
        help="evaluate a candidate with a known verdict, to test the evaluation itself",
    )
    parser.add_argument(
        "--dataset",
        metavar="NPZ",
        help="corpus with the training threads (default: woven again as the model's metadata say)",
    )
    parser.add_argument(
        "--sweep",
        nargs="?",
        const="",
        metavar="AXES",
        help='compare sampling settings on validation images: "guidance=1,1.5 temperature=0.7,0.85"',
    )
    parser.add_argument("--plot", metavar="PNG", help="with --sweep: where to write its plot")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="less of everything, for daily work, in about two minutes; other flags still count",
    )
    add_settings(parser, EvaluationSettings, title="evaluation")
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, write, print the result."""
    need("torch", SettingsError("evaluation needs PyTorch: pip install 'nitograph[train]'"))
    from nitograph.evaluation.settings import EvaluationSettings, amounts

    if sum(x is not None for x in (args.threads, args.stand_in, args.sweep)) > 1:
        raise SettingsError("threads, a stand-in and a sweep exclude each other; give one of them")
    if args.plot is not None and args.sweep is None:
        raise SettingsError("only a sweep has a plot; add a sweep, or leave out the plot")
    files = _files(args)
    weights = _weights(args)
    rows = load_corpus(args.dataset) if args.dataset else None
    material = _material(args, weights, rows)
    base = amounts(len(material.classes), quick=args.quick)
    settings = read_settings(args, EvaluationSettings, base)
    if args.stand_in:
        settings = _for_stand_in(material, settings)
    if args.sweep is not None:
        record, text = _sweep(args, _model(args, weights), material, settings)
    else:
        record, text = _evaluate(args, weights, material, rows, settings)
    write_text(files["record"], json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    write_text(files["page"], text)
    if "plot" in files:
        from nitograph.evaluation import sweep

        write_bytes(files["plot"], sweep.plot(record).png())
    print(f"{', '.join(map(str, files.values()))}: {_summary(record)}")
    return 0


def _files(args: argparse.Namespace) -> dict[str, Path]:
    """The files to write, by role; checked before the work starts."""
    named = {"record": (args.output, JSON), "page": (args.page, PAGE), "plot": (args.plot, PNG)}
    outputs = [Output(what, Path(path), endings) for what, (path, endings) in named.items() if path]
    claim(outputs, {"list of threads": args.threads, "corpus": args.dataset, "weights": args.checkpoint})
    return {output.what: output.path for output in outputs}


def _evaluate(
    args: argparse.Namespace,
    weights: "Weights | None",
    material: "Material",
    rows: "Corpus | None",
    settings: "EvaluationSettings",
) -> tuple[dict[str, Any], str]:
    from nitograph.evaluation import protocol
    from nitograph.evaluation.page import report

    listed = _listed(args, material, settings)
    parts: list[str] = []
    with progress("evaluating", PARTS) as done:

        def report_part(name: str) -> None:
            parts.append(name)
            done(len(parts) - 1)

        clock = protocol.Clock(report_part)
        with clock.part("training threads"):
            training = _training(material, weights, rows, settings.training_threads or None)
        candidate = listed or _candidate(args, weights, material, training, settings)
        found = protocol.evaluate(candidate, material, training, settings, clock=clock)
    for figure in found.figures.values():
        goal, value = figure.goal, figure.value
        print(
            f"{goal.title:<28} {value.value:7.3f}  [{value.low:.3f}, {value.high:.3f}]  "
            f"{goal.threshold():<8} {figure.verdict}"
        )
    return found.record, report.page(found)


def _sweep(
    args: argparse.Namespace, candidate: "ModelCandidate", material: "Material", settings: Any
) -> tuple[dict[str, Any], str]:
    from nitograph.drawing.figures import need_matplotlib
    from nitograph.evaluation import sweep

    need_matplotlib()
    over = sweep.axes(args.sweep or sweep.AXES)
    with progress("sampling and judging", math.prod(map(len, over.values()))) as done:
        record = sweep.sweep(candidate, material, over, settings, progress=done)
    return record, sweep.page(record)


def _weights(args: argparse.Namespace) -> "Weights | None":
    """The model's weights; None if only threads or a stand-in are evaluated."""
    if args.checkpoint is None and (args.threads or args.stand_in):
        return None
    return find_weights(args.checkpoint)


def _material(args: argparse.Namespace, weights: "Weights | None", rows: "Corpus | None") -> "Material":
    """References woven like the model's corpus, else like the corpus given, else with the defaults."""
    from nitograph.corpus.sources import find_all, mnist
    from nitograph.evaluation.cache import Cache
    from nitograph.evaluation.material import DIGITS, Material
    from nitograph.weaving.encoder import WeaveSettings

    weaving = WeaveSettings() if rows is None else rows.weaving
    if weights is not None and weights.weaving:
        weaving = WeaveSettings.from_dict(dict(weights.weaving))
    known = None if weights is None else weights.classes
    if args.threads:
        known = tuple({str(thread.label) for thread in _read_threads(args.threads)})
    cache = Cache.of_user()
    if args.source and args.source != ["mnist"]:
        pictures = functools.cache(functools.partial(find_all, tuple(args.source)))
        return Material.of(pictures, weaving, cache, known=known)
    if args.threads or known is None or set(DIGITS) <= set(known):
        return Material(weaving, cache)
    return Material.of(mnist, weaving, cache, known=known)


def _for_stand_in(material: "Material", settings: "EvaluationSettings") -> "EvaluationSettings":
    """Settings for which the rarest class has enough test pictures: references and the stand-in's own."""
    most = material.rarest // (2 + settings.seeds)
    if settings.samples_per_class <= most:
        return settings
    low = settings.declaration("samples_per_class").low or 0
    if most < low:
        raise SettingsError(
            f"a stand-in needs {low:g} test pictures of every class in each of {2 + settings.seeds} sets, "
            f"but the rarest has {material.rarest}; take more pictures, or fewer seeds"
        )
    fewer = min(settings.two_sample_per_class, 2 * most)
    return settings.replace(samples_per_class=most, two_sample_per_class=fewer)


def _read_threads(path: str) -> "list[Thread]":
    return thread_files.from_lines(read_text(path), name=path)


def _training(
    material: "Material", weights: "Weights | None", rows: "Corpus | None", most: int | None
) -> "Training":
    """What copies are looked for in; most: no more than this many, the first."""
    from nitograph.evaluation.woven import Training

    if rows is not None:
        return Training.of_corpus(rows, material.classes, limit=most)
    corpus = None if weights is None else _corpus_settings(weights, material)
    return material.training(corpus, limit=most)


def _corpus_settings(weights: "Weights", material: "Material") -> "CorpusSettings | None":
    """The settings of a model's training corpus, if its metadata hold them and it is of these pictures."""
    from nitograph.corpus.rows import CorpusSettings

    try:
        with reading(SettingsError("they do not hold them")):
            if weights.facts["corpus"]["source_sha256"] != material.pictures("train").sha256:
                return None
            return CorpusSettings.from_dict(weights.facts["corpus"]["corpus"])
    except SettingsError:
        return None


def _listed(
    args: argparse.Namespace, material: "Material", settings: "EvaluationSettings"
) -> "Candidate | None":
    """The threads of the file given, if any; too few are refused before the work starts."""
    from nitograph.evaluation.candidates import ListedCandidate

    if not args.threads:
        return None
    candidate = ListedCandidate(_read_threads(args.threads), Path(args.threads).name)
    candidate.require(settings.samples_per_class * settings.seeds, material.classes)
    return candidate


def _candidate(
    args: argparse.Namespace,
    weights: "Weights | None",
    material: "Material",
    training: "Training",
    settings: "EvaluationSettings",
) -> "Candidate":
    from nitograph.evaluation.candidates import stand_in
    from nitograph.evaluation.judges.resemblance import per_class

    if args.stand_in:
        count = settings.samples_per_class
        after = max(2 * count, per_class(settings))
        return stand_in(args.stand_in, material, training, per_class=count * settings.seeds, after=after)
    return _model(args, weights)


def _model(args: argparse.Namespace, weights: "Weights | None") -> "ModelCandidate":
    from nitograph.evaluation.candidates import ModelCandidate

    weights = weights or find_weights(args.checkpoint)
    name = Path(args.checkpoint).name if args.checkpoint else "the default weights"
    return ModelCandidate(weights, read_sampling(args), make_decoder(weights, args.device), name)


def _summary(record: dict[str, Any]) -> str:
    if "best" in record:
        best = ", ".join(f"{name} {value:g}" for name, value in record["best"].items())
        return f"{len(record['points'])} points, best {best}"
    if not record["clean"]:
        return "not clean: training and test share images or threads, so the figures mean nothing"
    verdicts = list(record["verdicts"].values())
    form = "" if record["form"] == "full" else f" ({record['form']} form, less than the full protocol)"
    return (
        f"{verdicts.count('pass')} of {len(verdicts)} figures reached{form} "
        f"in {record['seconds']['all']:.0f} s"
    )
