#!/usr/bin/python3
"""Trains one network on MNIST by a recipe, with the networks that it starts from: one command, fixed seeds.

  train.py RECIPE [--seed 0] [--work DIR] [--data DIR] [--threads 1]       train.py --list

Networks that have a checkpoint in the folder of --work are not trained again. The last row of the table is the recipe's. Choices are
made on the last 5,000 training images ("held out"); the test images are read once, at the end. docs/Accuracy.md has what is reached.
"""
import argparse
import pathlib
import time

import fetch
import recipes
import torch
from training import Data, accuracy


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?", default="circulant", choices=sorted(recipes.RECIPES), metavar="RECIPE")
    parser.add_argument("--list", action="store_true", help="print the recipes' names")
    parser.add_argument("--seed", default=0, type=int)
    parser.add_argument("--work", default=pathlib.Path("out/mnist"), type=pathlib.Path, help="folder of the checkpoints")
    parser.add_argument("--data", default=fetch.default_directory(), help="folder of the IDX files; fetched if missing")
    parser.add_argument("--threads", default=1, type=int)
    options = parser.parse_args()
    if options.list:
        print("\n".join(recipes.RECIPES))
        return
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    data = Data(fetch.fetch(options.data))
    start = time.process_time()
    recipes.make(options.work, options.recipe, options.seed, data)
    seconds = time.process_time() - start
    names = [options.recipe]
    while recipes.RECIPES[names[0]].start:
        names.insert(0, recipes.RECIPES[names[0]].start)
    print(f"{'network':20} {'held out %':>10} {'test %':>8}")
    for name in names:
        model = recipes.load(options.work, name, options.seed)
        print(f"{name:20} {accuracy(model, data.held_out):10.2f} {accuracy(model, data.test):8.2f}")
    print(f"seed {options.seed}, {seconds:.0f} s of processor time")


if __name__ == "__main__":
    main()
