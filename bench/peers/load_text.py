#!/usr/bin/env python3
"""Reading SVMlight text: load_text.py PEER FILE REPETITIONS. scikit-learn reads on one thread,
XGBoost's DMatrix on as many as it likes."""
import sys
import warnings

import peer


def sklearn(path):
    from sklearn.datasets import load_svmlight_file
    return lambda: load_svmlight_file(path, dtype="float32", query_id=True)


def xgboost(path):
    import xgboost
    xgboost.set_config(verbosity=0)
    return lambda: xgboost.DMatrix(f"{path}?format=libsvm")


def main():
    name, path, repetitions = sys.argv[1:]
    warnings.simplefilter("ignore")
    load = {f.__name__: f for f in (sklearn, xgboost)}[name](path)
    peer.report("open", [peer.timed(load) for _ in range(int(repetitions))])


if __name__ == "__main__":
    main()
