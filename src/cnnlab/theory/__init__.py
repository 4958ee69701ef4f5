"""What mean field theory predicts for the signal and the gradient of a plain network at initialization.

moments = fill_moments(network, fill, after=None)       # of the initializer, or NotApplicable
prediction = predict(network, batch, moments=moments)   # by layer, with a band for finite width
log_ratios(prediction, probe.read())                    # beside what telemetry measured
"""

from cnnlab.theory.agreement import by_depth as by_depth
from cnnlab.theory.agreement import log_ratios as log_ratios
from cnnlab.theory.applicability import NotApplicable as NotApplicable
from cnnlab.theory.expected import Expected as Expected
from cnnlab.theory.expected import Prediction as Prediction
from cnnlab.theory.expected import predict as predict
from cnnlab.theory.weights import WeightMoments as WeightMoments
from cnnlab.theory.weights import fill_moments as fill_moments
