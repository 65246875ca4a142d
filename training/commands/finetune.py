"""Continue CLIP's contrastive training on a table's covers and captions (docs/training.md).

After a killed run, the same command continues from the last checkpoint and gives the same result.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from catalog.commands.command_runner import Call, Outcome
from catalog.ingest.album_source import add_source_arguments, open_album_source, report_path
from catalog.ingest.rejection import Rejected
from catalog.ingest.report import Report
from common.errors import SettingsError
from common.validation.strict_numbers import decimal_number, positive_integer, whole_number
from training.commands.arguments import add_device_argument, share
from training.data.decoded_covers import DecodedCoverStore
from training.data.splits import Shares
from training.finetuning.finetune import finetune
from training.finetuning.model_card import ModelCard
from training.finetuning.recipe import TOWERS, Recipe
from training.model.base_model import choose_device, fast_in_bfloat16, load_base_model

_DEFAULT = Recipe()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the table, the base model, the output folder, and the recipe."""
    add_source_arguments(parser)
    add = parser.add_argument
    add(
        "--model", required=True, metavar="BASE", help="a model's folder, or its name on the Hugging Face hub"
    )
    add("--output", type=Path, required=True, metavar="DIR", help="folder for the fine-tuned model")
    add(
        "--work",
        type=Path,
        default=Path(".state/finetuning"),
        help="folder for decoded covers, checkpoints and log (%(default)s)",
    )
    _add_schedule(parser)
    add(
        "--validation",
        type=share,
        default=0.1,
        help="share of artists for validation, which decides when to stop (%(default)s)",
    )
    add(
        "--held-out",
        type=share,
        default=0.1,
        help="share of artists for the final evaluation only (%(default)s)",
    )
    add(
        "--photographed",
        type=share,
        default=_DEFAULT.photographed,
        help="share of covers shown as simulated photographs (%(default)s)",
    )
    add(
        "--twins",
        type=whole_number,
        default=0,
        help="covers per batch that must also be recognised in a photograph (%(default)s)",
    )
    add("--freeze", action="append", default=[], choices=sorted(TOWERS), help="do not train this tower")
    add("--activation-checkpointing", action="store_true", help="use less memory and a third more time")
    add("--precision", choices=["auto", "float32", "bfloat16"], default="auto")
    add_device_argument(parser)


def _add_schedule(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--epochs",
        type=positive_integer,
        default=_DEFAULT.epochs,
        help="passes over the covers (%(default)s)",
    )
    add("--steps", type=positive_integer, help="number of steps, instead of --epochs")
    add("--batch", type=positive_integer, default=_DEFAULT.batch, help="covers per step (%(default)s)")
    add("--learning-rate", type=decimal_number, default=_DEFAULT.learning_rate, help="(%(default)s)")
    add("--weight-decay", type=decimal_number, default=_DEFAULT.weight_decay, help="(%(default)s)")
    add("--seed", type=whole_number, default=_DEFAULT.seed, help="(%(default)s)")
    add(
        "--patience",
        type=whole_number,
        default=_DEFAULT.patience,
        help="validations without progress before an early stop; 0: never",
    )
    add("--validate-every", type=positive_integer, metavar="STEPS", help="default: once an epoch")
    add(
        "--save-every",
        type=positive_integer,
        metavar="STEPS",
        default=_DEFAULT.save_every,
        help="(%(default)s)",
    )


def run(call: Call) -> Outcome:
    """Decode the covers, fine-tune the model, write the model with its card, and print its recall."""
    options, console = call.options, call.console
    device = choose_device(options.device)
    recipe = _recipe(options, device=device)
    base = load_base_model(options.model, device=device)
    size_px = base.preprocessing.size_px
    source = open_album_source(options, call.settings)
    decoded = DecodedCoverStore(call.settings, console, options.work, size_px).load(source)
    tuned = finetune(base, decoded, recipe=recipe, work=options.work, output=options.output, console=console)
    command = shlex.join(["python", "-m", "training", *sys.argv[1:]])
    card = ModelCard(base, recipe, tuned, source.table.path.name, device, len(decoded.rejected), command)
    card.write(options.output)
    print(card.comparison())
    return report_rejected(call, decoded.rejected)


def report_rejected(call: Call, rejected: Sequence[Rejected]) -> Outcome:
    """Write the rejected rows to the report, as an ingest does, and print the number of rows per reason."""
    with Report(report_path(call.options)) as report:
        for row in rejected:
            report.add(row)
    for reason, count in report.reasons.most_common():
        call.console.print(f"  {count} {reason}", markup=False)
    if rejected:
        call.console.print(f"{len(rejected)} rejected rows are in {report.path}", markup=False)
    return Outcome.FINDINGS if rejected else Outcome.DONE


def _recipe(options: argparse.Namespace, *, device: str) -> Recipe:
    if options.validation + options.held_out >= 1:
        raise SettingsError("--validation and --held-out leave nothing to train on")
    auto = options.precision == "auto"
    return Recipe(
        epochs=options.epochs,
        steps=options.steps,
        batch=options.batch,
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
        seed=options.seed,
        shares=Shares(validation=options.validation, held_out=options.held_out),
        validate_every=options.validate_every,
        patience=options.patience,
        save_every=options.save_every,
        photographed=options.photographed,
        twins=options.twins,
        freeze=tuple(sorted(set(options.freeze))),
        bfloat16=fast_in_bfloat16(device) if auto else options.precision == "bfloat16",
        activation_checkpointing=options.activation_checkpointing,
    )
