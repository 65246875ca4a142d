"""Evaluate a model on demo or table covers that it was not trained on (docs/training.md)."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from catalog.commands.command_runner import Call, Outcome
from catalog.demo.albums import DEMO_SEED, demo_albums
from catalog.demo.drawing.cover import draw_cover
from catalog.ingest.album_source import add_source_arguments, open_album_source
from catalog.ingest.columns.fields import Album
from common.errors import SettingsError
from common.validation.strict_numbers import positive_integer, whole_number
from training.commands.arguments import add_device_argument, share
from training.commands.finetune import report_rejected
from training.data.decoded_covers import DecodedCovers, DecodedCoverStore
from training.data.splits import Part, Shares
from training.evaluation.encoder import Encoder
from training.evaluation.evaluation_set import EvaluationSet, StoredPictures, demo_set, table_set
from training.evaluation.measure import measure
from training.evaluation.report import Report, table, write
from training.finetuning.model_card import recorded_shares
from training.model.base_model import choose_device
from training.progress_bar import with_progress_bar
from worker.encoder.checkpoint import read_config
from worker.encoder.model_files import ModelSource, find_model
from worker.encoder.preprocessing import read_preprocessing

_ALL = "all"
_PARTS = [*(part.value for part in Part), _ALL]
#: The size of the covers from which photographs are simulated; the covers are larger than the model's input,
#: as real photographs are.
_SIZE_PX = 320


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the models, the covers and the measures."""
    add_source_arguments(parser, optional=True)
    add = parser.add_argument
    add("--model", default="models/demo", help="a model's folder, or its name on the hub (%(default)s)")
    add("--against", metavar="BEFORE", help="another model, evaluated on the same covers for comparison")
    add("--output", type=Path, help="folder for the report (default: the model's)")
    add(
        "--count",
        type=positive_integer,
        default=2000,
        help="without a table: number of demo covers (%(default)s)",
    )
    add(
        "--seed",
        type=whole_number,
        default=DEMO_SEED,
        help="without a table: seed of the demo covers (%(default)s, the demo catalog's)",
    )
    add(
        "--each-distortion",
        action="store_true",
        help="also measure each distortion alone (with a table: always)",
    )
    add(
        "--part",
        choices=_PARTS,
        default=Part.HELD_OUT.value,
        help="part of the table to evaluate on (%(default)s)",
    )
    add("--validation", type=share, help="share of artists (default: as in the model's fine-tuning)")
    add("--held-out", type=share, help="share of artists (default: as in the model's fine-tuning)")
    add(
        "--attribute",
        action="append",
        default=[],
        metavar="KEY",
        help="also search for the values of this metadata key",
    )
    add(
        "--work", type=Path, default=Path(".state/finetuning"), help="folder for decoded covers (%(default)s)"
    )
    add_device_argument(parser)


def run(call: Call) -> Outcome:
    """Evaluate one or two models, print the table of measures and write the report."""
    options = call.options
    models = _models(options)
    output = options.output or _own_folder(options.model)
    if options.table is None:
        told = _judge(
            call, models, _demo(options.count, seed=options.seed), each_distortion=options.each_distortion
        )
        told.write(output, on=f"{options.count} demo covers of seed {options.seed}")
        return Outcome.DONE
    if options.covers is None:
        raise SettingsError("--covers: the folder of the table's covers, or the column of their URLs")
    decoded = _gather(call, models)
    pictures = StoredPictures(decoded.pixels, range(len(decoded.albums)))
    evaluation_set = table_set(decoded.albums, pictures, attributes=options.attribute)
    told = _judge(call, models, evaluation_set, each_distortion=True)
    told.write(output, on=f"{len(decoded.albums)} albums of {options.table.name}, part {options.part}")
    return report_rejected(call, decoded.rejected)


@dataclass(frozen=True, slots=True)
class _Judged:
    """The evaluated models with their reports; the model given as `--against` is last."""

    models: Sequence[ModelSource]
    reports: Sequence[Report]

    def write(self, folder: Path, *, on: str) -> None:
        """Print the table and write the report."""
        before = self.reports[1] if len(self.reports) > 1 else None
        title = f"{' against '.join(model.name for model in self.models)} on {on}"
        write(self.reports[0], folder, before=before, title=title)
        print(table(self.reports[0], before=before))


def _judge(
    call: Call, models: Sequence[ModelSource], evaluation_set: EvaluationSet, *, each_distortion: bool
) -> _Judged:
    device = choose_device(call.options.device)
    encoders = (Encoder.load(model.folder, device=device) for model in models)
    return _Judged(
        models, [measure(encoder, evaluation_set, each_distortion=each_distortion) for encoder in encoders]
    )


def _models(options: argparse.Namespace) -> list[ModelSource]:
    """Return the models to evaluate; the model given as `--against` is last.

    Raises:
        ModelUnavailable: a model cannot be found, or is not a CLIP model that the service supports.
    """
    models = [find_model(name) for name in (options.model, options.against) if name]
    for model in models:
        read_config(model.folder)
    return models


def _own_folder(model: str) -> Path:
    if not Path(model).is_dir():
        raise SettingsError(f"--output: a folder for the report; {model} is a name on the hub")
    return Path(model)


def _demo(count: int, *, seed: int) -> EvaluationSet:
    albums = demo_albums(count, seed=seed)
    return demo_set(
        albums, [draw_cover(album, size_px=_SIZE_PX) for album in with_progress_bar(albums, "drawing")]
    )


def _gather(call: Call, models: Sequence[ModelSource]) -> DecodedCovers:
    """Return the albums of the part `--part`; the covers are at least as large as the models' input."""
    options = call.options
    shares = _shares(options, models[0].folder)

    def wanted(album: Album) -> bool:
        return options.part in {_ALL, shares.part_of(album.fields.artist)}

    size_px = max(_SIZE_PX, *(read_preprocessing(model.folder).size_px for model in models))
    source = open_album_source(options, call.settings)
    return DecodedCoverStore(call.settings, call.console, options.work, size_px).load(source, wanted=wanted)


def _shares(options: argparse.Namespace, folder: Path) -> Shares:
    """Return the shares in the arguments; a missing share is read from the model's folder."""
    recorded = recorded_shares(folder) or Shares()
    return Shares(
        validation=recorded.validation if options.validation is None else options.validation,
        held_out=recorded.held_out if options.held_out is None else options.held_out,
    )
