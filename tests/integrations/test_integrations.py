"""Loops of other libraries, run for real: what their users hold is traced, and named as it was.

Needs the extra `integrations`. The libraries are large: their tests have a job of their own.
"""

import warnings

import pytest
import pytorch_lightning
import schedulefree
import torch
from accelerate import Accelerator
from torch.optim import lr_scheduler
from transformers import Trainer, TrainingArguments
from transformers.optimization import Adafactor

import lrcourse
from lrcourse import Constant, CosineAnnealing, LinearWarmup, Polynomial
from lrcourse.integrations import lightning as on_lightning
from lrcourse.integrations import transformers as on_transformers


@pytest.fixture(autouse=True)
def quiet():
    """The libraries warn of much that is none of our business."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Net(torch.nn.Module):
    """A model as transformers wants it: from inputs and labels to a loss."""

    def __init__(self) -> None:
        super().__init__()
        self.line = torch.nn.Linear(2, 1)

    def forward(self, x, labels):
        out = self.line(x).squeeze(-1)
        return {"loss": ((out - labels) ** 2).mean(), "logits": out}


DATA = [{"x": torch.tensor([i / 16, 1.0]), "labels": torch.tensor(float(i % 2))} for i in range(16)]


# Accelerate


def accelerated(plan, batches=20, accumulate=1):
    """A loop as in Accelerate's guide, its optimizer traced."""
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=accumulate)
    model = Net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    scheduler = plan.scheduler(optimizer)
    model, optimizer, scheduler = accelerator.prepare(model, optimizer, scheduler)
    with lrcourse.trace(optimizer) as used:
        for i in range(batches):
            with accelerator.accumulate(model):
                one = DATA[i % 16]
                loss = model(one["x"][None], one["labels"][None])["loss"]
                accelerator.backward(loss)
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad()
    return used


def test_an_optimizer_that_accelerate_has_prepared_is_traced():
    """The wrapper has no hooks of its own; the optimizer inside is recorded."""
    plan = CosineAnnealing(lr=0.1, T_max=20)

    assert accelerated(plan).against(plan).cause is None


def test_accelerate_with_accumulated_gradients():
    """Its scheduler is stepped at real updates only: 5 updates of 20 batches, as planned."""
    plan = CosineAnnealing(lr=0.1, T_max=5)
    used = accelerated(plan, accumulate=4)

    assert len(used) == 5
    assert used.against(plan).cause is None


# Lightning


class Module(pytorch_lightning.LightningModule):
    def __init__(self, scheduler, interval="step"):
        super().__init__()
        self.net, self.build, self.interval = Net(), scheduler, interval

    def training_step(self, batch, batch_idx):
        return self.net(batch["x"], batch["labels"])["loss"]

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)
        scheduler = {"scheduler": self.build(optimizer), "interval": self.interval}
        return {"optimizer": optimizer, "lr_scheduler": scheduler}


def fitted(tmp_path, module, *callbacks, epochs=3):
    trainer = pytorch_lightning.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        callbacks=list(callbacks),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    trainer.fit(module, torch.utils.data.DataLoader(DATA, batch_size=4))


@pytest.mark.parametrize("interval", ["step", "epoch"])
def test_lightning_is_traced_by_its_callback(tmp_path, interval):
    """Stepped per step or per epoch, as configured, the run is as planned."""
    plan, rates = Polynomial(lr=0.1, total_iters=12), on_lightning.LearningRateTrace()
    fitted(tmp_path, Module(plan.scheduler, interval), rates)
    unit = {"unit": "epoch", "steps_per_epoch": 4} if interval == "epoch" else {}
    report = rates.against(plan, **unit)

    assert len(rates.used) == 12
    assert report.equal, report


def test_lightning_that_steps_once_per_epoch_is_named(tmp_path):
    """`configure_optimizers` without an interval steps once per epoch."""
    plan, rates = CosineAnnealing(lr=0.1, T_max=12), on_lightning.LearningRateTrace()
    fitted(tmp_path, Module(plan.scheduler, "epoch"), rates)

    assert rates.against(plan, steps_per_epoch=4).cause == "stepped-per-epoch"


def test_what_lightning_hands_to_its_users_is_traced(tmp_path):
    """`self.optimizers()` gives a wrapped optimizer: the one inside is recorded."""

    class Manual(Module):
        automatic_optimization = False

        def training_step(self, batch, batch_idx):
            with lrcourse.trace(self.optimizers()) as used:
                self.optimizers().step()
            self.seen = len(used)

    module = Manual(lambda optimizer: lr_scheduler.ConstantLR(optimizer, factor=1.0))
    module.automatic_optimization = False
    fitted(tmp_path, module, epochs=1)

    assert module.seen == 1


def test_a_callback_that_was_not_used_says_so():
    """Before training there is nothing to compare."""
    with pytest.raises(ValueError, match="hand this callback to the trainer"):
        on_lightning.LearningRateTrace().against(Constant())


# transformers


def trained(tmp_path, scheduler, callback, **options):
    model = Net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    arguments = TrainingArguments(
        str(tmp_path),
        per_device_train_batch_size=4,
        num_train_epochs=5,
        report_to=[],
        use_cpu=True,
        save_strategy="no",
        disable_tqdm=True,
        logging_strategy="no",
        **options,
    )
    made = (optimizer, scheduler(optimizer))
    Trainer(model, arguments, train_dataset=DATA, callbacks=[callback], optimizers=made).train()


def test_the_transformers_trainer_is_traced_by_its_callback(tmp_path):
    """20 updates in 5 epochs, a warm-up and a decay, as planned."""
    plan = LinearWarmup(lr=0.1, start_factor=0.1, total_iters=5).then(
        CosineAnnealing(lr=0.1, T_max=15), at=5
    )
    rates = on_transformers.LearningRateTrace()
    trained(tmp_path, plan.scheduler, rates)
    report = rates.against(plan)

    assert len(rates.used) == 20
    assert report.equal, report


def test_a_length_without_the_accumulation_is_named(tmp_path):
    """Built for the batches, 20, where gradients of 2 are accumulated: 10 updates."""
    plan, rates = Polynomial(lr=0.1, total_iters=10), on_transformers.LearningRateTrace()
    built = Polynomial(lr=0.1, total_iters=20)
    trained(tmp_path, built.scheduler, rates, gradient_accumulation_steps=2)
    report = rates.against(plan)

    assert report.cause == "another-length"
    assert "total_iters=20" in report.message


# Optimizers that set their own rate


def test_schedule_free_is_told():
    """Its warm-up is inside: what is recorded is the rate used, and the report says whose it is."""
    model = Net()
    optimizer = schedulefree.AdamWScheduleFree(model.parameters(), lr=0.1, warmup_steps=10)
    optimizer.train()
    with lrcourse.trace(optimizer) as used:
        for one in DATA:
            optimizer.zero_grad()
            model(one["x"][None], one["labels"][None])["loss"].backward()
            optimizer.step()
    report = used.against(Constant(lr=0.1))

    assert not report.equal
    assert used.lr[0] < 0.02 < 0.09 < used.lr[-1]
    assert "sets its rate itself" in report.message


def test_adafactor_without_a_rate_is_told():
    """lr=None leaves the rate to Adafactor: nothing is to be compared, and nothing breaks."""
    model = Net()
    optimizer = Adafactor(model.parameters(), lr=None)
    with lrcourse.trace(optimizer) as used:
        model(DATA[0]["x"][None], DATA[0]["labels"][None])["loss"].backward()
        optimizer.step()
    report = used.against(Constant())

    assert (report.equal, report.cause) == (False, "own-rate")
    assert "lr=None" in report.message
    assert "None first" in repr(used)
