"""Writes scikit-learn's digits as plain bytes, for a program that has no Python.

    make_data.py OUT.bin

8x8 pictures of handwritten digits: int32 count, then for each picture 64 bytes (0 to 16) and one
byte, the digit. Shuffled with a fixed seed.
"""

import struct
import sys

import numpy
from sklearn.datasets import load_digits


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    digits = load_digits()
    order = numpy.random.RandomState(0).permutation(len(digits.target))
    with open(sys.argv[1], "wb") as out:
        out.write(struct.pack("<i", len(order)))
        for i in order:
            out.write(digits.data[i].astype("uint8").tobytes())
            out.write(bytes([digits.target[i]]))


if __name__ == "__main__":
    main()
