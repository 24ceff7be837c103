"""Train on several devices or in one of two processes, plain or recorded: ``test_distributed`` runs it, and
``test_replicas``.

    python train_together.py HOW FOLDER PROCESS PORT [KILLED]

HOW is ``data`` or ``model`` (two devices of one process on JAX), ``processes`` (JAX), ``loop`` or ``fit`` (PyTorch), or
``replicas`` (two logical devices on TensorFlow); recorded into FOLDER, where that is not empty. KILLED is the process
that kills itself after the first epoch. Prints what could differ.
"""

import hashlib
import json
import os
import signal
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

if sys.argv[1] in ("data", "model"):  # before JAX starts
    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"

import keras
import numpy as np

import pipetrace

HOW, FOLDER, PROCESS, PORT, *KILLED = sys.argv[1:]
ROWS, BATCH = (100, 40) if HOW == "replicas" else (80, 20)
ALL: Any = {"budget": None, "after_training": "all", "verbose": False}


def join() -> Any:
    """Meet the other process, and spread the training; the scope to make the model in."""
    if HOW == "replicas":
        import tensorflow as tf

        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )
        return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope()
    if HOW in ("loop", "fit"):
        import torch.distributed

        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": PORT}
        torch.distributed.init_process_group("gloo", rank=int(PROCESS), world_size=2)
        return nullcontext()
    spread = keras.distribution
    if HOW == "processes":
        import jax

        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        address = f"127.0.0.1:{PORT}"
        jax.distributed.initialize(address, 2, int(PROCESS), heartbeat_timeout_seconds=10)
    if HOW != "model":
        spread.set_distribution(spread.DataParallel(auto_shard_dataset=False))
        return nullcontext()
    mesh = spread.DeviceMesh((1, 2), ["batch", "model"], spread.list_devices())
    layouts = spread.LayoutMap(mesh)
    layouts[".*hidden.*kernel"] = (None, "model")
    layouts[".*hidden.*output"] = ("batch", "model")
    spread.set_distribution(spread.ModelParallel(layout_map=layouts, batch_dim_name="batch"))
    return nullcontext()


def model() -> Any:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    made = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, "relu", name="hidden"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.3),
            layers.Dense(3, name="answer"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    made.compile("adam", loss, metrics=["accuracy"])
    return made


def parts_of(made: Any, variable: Any) -> Any:
    """What each device holds of a variable."""
    if HOW == "replicas":
        return made.distribute_strategy.experimental_local_results(variable.value)
    return [variable]


class PullApart(keras.callbacks.Callback):  # type: ignore[misc]
    """Changes a weight of the second device alone, once training is over."""

    def on_train_end(self, logs: Any = None) -> None:
        kernel = self.model.get_layer("answer").kernel
        if HOW == "replicas":
            _, second = parts_of(self.model, kernel)
            second.assign_add(keras.ops.ones_like(second))
            return
        import jax

        parts = [
            np.asarray(each.data) + at for at, each in enumerate(kernel.value.addressable_shards)
        ]
        placed = [jax.device_put(each, at) for each, at in zip(parts, jax.devices(), strict=True)]
        sharding = kernel.value.sharding
        kernel._value = jax.make_array_from_single_device_arrays(kernel.shape, sharding, placed)


class Killed(keras.callbacks.Callback):  # type: ignore[misc]
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if KILLED == [PROCESS]:
            os.kill(os.getpid(), signal.SIGKILL)


def loop(made: Any, x: Any, y: Any) -> dict[str, list[float]]:
    """Keras' own guide to PyTorch: https://keras.io/guides/distributed_training_with_torch/"""
    import torch

    trained = torch.nn.parallel.DistributedDataParallel(made)
    optimizer = torch.optim.Adam(made.parameters(), lr=0.01)
    loss_of = torch.nn.CrossEntropyLoss()
    own: Any = {"epochs": 2, "batch_size": 20, "loss": loss_of, "optimizer": optimizer, **ALL}
    recorded = (
        pipetrace.recording(trained, Path(FOLDER) / "run.trace", x, y, **own) if FOLDER else None
    )
    losses = []
    with recorded or nullcontext():
        for epoch in range(2):
            for start in range(0, len(x), 20):
                rows = slice(start, start + 20)
                optimizer.zero_grad()
                loss = loss_of(trained(torch.from_numpy(x[rows])), torch.from_numpy(y[rows]))
                loss.backward()
                optimizer.step()
                losses.append(float(loss))
                if recorded is not None:
                    recorded.step(loss=loss.detach())
            if recorded is not None:
                recorded.epoch()
            Killed().on_epoch_end(epoch)
    return {"loss": losses}


def main() -> None:
    scope = join()
    random = np.random.default_rng(0)
    x = random.normal(size=(ROWS, 6)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64) + (x[:, 1] > 1)
    if HOW not in ("data", "model", "replicas"):
        x, y = x[int(PROCESS) :: 2], y[int(PROCESS) :: 2]
    with scope:
        made, path = model(), Path(FOLDER) / "run.trace"
    if HOW == "loop":
        history = loop(made, x, y)
    else:
        recorded = [pipetrace.Recorder(path, **ALL)] if FOLDER else []
        fit: Any = {
            "epochs": 2,
            "batch_size": BATCH,
            "verbose": 0,
            "validation_data": (x[:20], y[:20]),
        }
        history = made.fit(x, y, callbacks=[Killed(), *recorded], **fit).history
    digest = hashlib.sha256()
    for each in (*made.weights, *made.optimizer.variables):
        for part in parts_of(made, each):
            digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(part)).tobytes())
    after = [float(np.random.random()), float(keras.random.uniform(()))]
    print(json.dumps([digest.hexdigest(), history, after]))
    if HOW in ("data", "replicas") and FOLDER:
        apart = pipetrace.Recorder(Path(FOLDER) / "apart.trace", **ALL)
        made.fit(x, y, callbacks=[PullApart(), apart], **fit)


if __name__ == "__main__":
    main()
