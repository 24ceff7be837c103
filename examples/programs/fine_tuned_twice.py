"""Transfer learning in two fits: a segmentation head on a frozen encoder, then all of it.

The model is compiled again for the second fit, with a smaller learning rate. Early stopping ends
the second fit and restores its best weights.
"""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
images = rng.normal(0, 0.3, (384, 16, 16, 1)).astype("float32")
masks = np.zeros((384, 16, 16, 1), "float32")
for image, mask in zip(images, masks, strict=True):
    top, left = rng.integers(1, 9, 2)
    height, width = rng.integers(4, 7, 2)
    image[top : top + height, left : left + width] += 1
    mask[top : top + height, left : left + width] = 1

# The encoder is trained to tell how large the square is, as if on another task.
small = keras.Input((16, 16, 1), name="image")
features = layers.Conv2D(8, 3, padding="same", activation="relu", name="edges")(small)
encoder = keras.Model(small, features, name="encoder")
size = layers.Dense(1, name="size")(layers.GlobalAveragePooling2D(name="mean")(features))
pretraining = keras.Model(small, size, name="pretraining")
pretraining.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
pretraining.fit(images, masks.mean(axis=(1, 2, 3)), epochs=8, verbose=0)

encoder.trainable = False
inputs = keras.Input((16, 16, 1), name="photo")
x = encoder(inputs)
down = layers.MaxPooling2D(name="shrink")(x)
down = layers.Conv2D(16, 3, padding="same", activation="relu", name="context")(down)
up = layers.Conv2DTranspose(8, 2, strides=2, activation="relu", name="grow")(down)
joined = layers.Concatenate(name="skip")([x, up])
outputs = layers.Conv2D(1, 1, activation="sigmoid", name="mask")(joined)
model = keras.Model(inputs, outputs, name="fine_tuned_twice")
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy")
data = {"x": images[:288], "y": masks[:288], "validation_data": (images[288:], masks[288:])}
model.fit(**data, epochs=4, verbose=0)

encoder.trainable = True
model.compile(
    optimizer=keras.optimizers.Adam(0.003),
    loss="binary_crossentropy",
    metrics=[keras.metrics.BinaryIoU(name="iou")],
)
best = keras.callbacks.EarlyStopping(monitor="val_loss", patience=2, restore_best_weights=True)
model.fit(**data, epochs=6, callbacks=[best], verbose=0)
