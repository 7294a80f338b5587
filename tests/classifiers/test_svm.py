"""The support vector machine as arrays, against scikit-learn."""

import numpy as np
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from fervideo.classifiers import svm
from fervideo.records import EXPRESSIONS


def test_the_arrays_predict_as_scikit_learn_does():
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(len(EXPRESSIONS)), 30)
    x = rng.normal(0, 3, (len(EXPRESSIONS), 11))[truth] + rng.normal(0, 3, (len(truth), 11))
    scaler = StandardScaler().fit(x)
    svc = SVC(C=2.0, gamma=0.1, decision_function_shape="ovo").fit(scaler.transform(x), truth)
    fresh = rng.normal(0, 4, (50, 11))
    found = svm.margins(svm.to_arrays(scaler, svc), fresh)
    np.testing.assert_allclose(found, svc.decision_function(scaler.transform(fresh)), atol=1e-9)
