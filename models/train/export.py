"""Writes a model folder: model.onnx, model.toml and parity samples of what the training framework gives. MODEL.md is written by people.

    python export.py part-finder OUT.pt FOLDER SAMPLE.jpg...
    python export.py screws-holes-burns OUT.pt FOLDER SAMPLE.jpg...
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from PIL import Image

import train_part_finder as part_finder
import train_screws_holes_burns as screws
from nets import Classifier, Detector, DetectorRows, folded
from pictures import PAD, letterboxed, tensor

SIDE = {"part-finder": part_finder.SIDE, "screws-holes-burns": 320}
LICENCE = "MIT OR Apache-2.0"


def network(name, weights):
    """The trained network as it is exported."""
    net = Classifier(len(part_finder.LABELS)) if name == "part-finder" else Detector(len(screws.LABELS))
    net.load_state_dict(torch.load(weights, weights_only=True))
    net = folded(net)
    return net if name == "part-finder" else DetectorRows(net, SIDE[name], SIDE[name]).eval()


def output(name):
    return "logits" if name == "part-finder" else "output0"


def write_graph(name, net, path):
    """The graph, with no word about the machine that wrote it."""
    side = SIDE[name]
    torch.onnx.export(
        net, (torch.zeros(1, 3, side, side),), path, input_names=["images"], output_names=[output(name)], opset_version=18, dynamo=True,
        external_data=False, optimize=True, verbose=False,
    )  # fmt: skip
    model = onnx.load(path)
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer]:
        del value.metadata_props[:]
    del model.metadata_props[:], model.graph.metadata_props[:]
    model.doc_string = ""
    onnx.checker.check_model(model)
    onnx.save(model, path)


def write_manifest(name, folder, labels):
    head = '[output]\nscores = "logits"\nactivation = "softmax"\n'
    if name == "screws-holes-burns":
        head = '[output]\nhead = "yolov8"\nrows = "output0"\n\n[boxes]\niou = 0.45\n'
    digest = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    task = "classify" if name == "part-finder" else "detect"
    text = (
        f'schema = 1\ntask = "{task}"\nsha256 = "{digest}"\nlicence = "{LICENCE}"\n'
        f"labels = {json.dumps(labels)}\n\n"
        f'[input]\nname = "images"\nwidth = {SIDE[name]}\nheight = {SIDE[name]}\nlayout = "nchw"\ncolour = "rgb"\nfit = "letterbox"\n'
        f'pad = {PAD}\nresample = "antialias"\n\n{head}'
    )
    (folder / "model.toml").write_text(text)


def write_parity(name, net, folder, pictures):
    for path in pictures:
        # A sample that is made again keeps its name: parity/NAME/input.jpg.
        sample = folder / "parity" / (path.parent.name if path.stem == "input" else f"{path.parent.name}-{path.stem}")
        sample.mkdir(parents=True, exist_ok=True)
        x = tensor(letterboxed(Image.open(path), SIDE[name], SIDE[name])[0])[None]
        with torch.no_grad():
            y = net(torch.from_numpy(x)).numpy()
        np.save(sample / "input.npy", x)
        np.save(sample / "output-0.npy", y)
        (sample / f"input{path.suffix}").write_bytes(path.read_bytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(SIDE))
    parser.add_argument("weights", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("samples", type=Path, nargs="+")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    asked.folder.mkdir(parents=True, exist_ok=True)
    net = network(asked.name, asked.weights)
    write_graph(asked.name, net, asked.folder / "model.onnx")
    write_manifest(asked.name, asked.folder, part_finder.LABELS if asked.name == "part-finder" else screws.LABELS)
    write_parity(asked.name, net, asked.folder, asked.samples)


if __name__ == "__main__":
    main()
